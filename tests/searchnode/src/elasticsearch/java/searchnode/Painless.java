package searchnode;

import org.elasticsearch.plugins.ExtensiblePlugin;
import org.elasticsearch.plugins.Plugin;

/** Stands in for the language of scripts, whose module is not published and which ES|QL extends. */
public final class Painless extends Plugin implements ExtensiblePlugin {}

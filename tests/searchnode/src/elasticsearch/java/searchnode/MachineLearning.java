package searchnode;

import org.elasticsearch.plugins.ExtensiblePlugin;
import org.elasticsearch.plugins.Plugin;

/** Stands in for machine learning, whose module is not published and which ES|QL extends. */
public final class MachineLearning extends Plugin implements ExtensiblePlugin {}

//! Every test of the program as a whole: one binary, which links once and shares one Elasticsearch.

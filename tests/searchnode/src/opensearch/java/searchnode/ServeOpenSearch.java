package searchnode;

import org.codelibs.opensearch.runner.OpenSearchRunner;
import org.opensearch.http.HttpInfo;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.node.Node;

/**
 * One OpenSearch node on 127.0.0.1 until standard input ends. Prints {@code READY http://127.0.0.1:PORT} once it answers.
 *
 * <p>Arguments: a folder for this run, then settings as {@code key=value}.
 */
public final class ServeOpenSearch {
    public static void main(String[] args) {
        try {
            serve(args);
        } catch (Throwable failure) {
            failure.printStackTrace();
            System.exit(1); // a node that failed half-way leaves threads that would keep the process
        }
    }

    private static void serve(String[] args) throws Exception {
        try (OpenSearchRunner runner = new OpenSearchRunner()) {
            runner.onBuild((number, settings) -> {
                settings.put("http.host", "127.0.0.1").put("http.port", "0").put("transport.host", "127.0.0.1").put("transport.port", "0");
                settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
                for (int i = 1; i < args.length; i++) {
                    String[] setting = args[i].split("=", 2);
                    settings.put(setting[0], setting[1]);
                }
            });
            runner.build(OpenSearchRunner.newConfigs().numOfNode(1).basePath(args[0]).clusterName("searchnode").disableESLogger());
            Node node = runner.node();
            HttpInfo http = node.injector().getInstance(HttpServerTransport.class).info();
            System.out.println("READY http://127.0.0.1:" + http.getAddress().publishAddress().getPort());
            while (System.in.read() >= 0) {
                // the end of input ends the node
            }
        }
    }
}

package searchnode;

import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginBundle;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * One Elasticsearch node on 127.0.0.1 until standard input ends. Prints {@code READY http://127.0.0.1:PORT} once it answers.
 *
 * <p>Arguments: the assembled home, a folder for this run, then settings as {@code key=value}.
 */
public final class Serve {
    public static void main(String[] args) {
        try {
            serve(args);
        } catch (Throwable failure) {
            failure.printStackTrace();
            System.exit(1); // a node that failed half-way leaves threads that would keep the process
        }
    }

    private static void serve(String[] args) throws Exception {
        Path home = Path.of(args[0]);
        Path run = Path.of(args[1]);
        Path config = Files.createDirectories(run.resolve("config"));
        Path logs = Files.createDirectories(run.resolve("logs"));
        // The file realm's one user, for tests: admin / changeme (bcrypt).
        Files.writeString(config.resolve("users"), "admin:$2a$10$/NI7tV3uiFtDx7/u3O6Y7er/m/6dAi2ydYK4syP5hiPX6bGbOLy7y\n");
        Files.writeString(config.resolve("users_roles"), "superuser:admin\n");

        Settings.Builder settings = Settings.builder()
            .put("path.home", home.toString())
            .put("path.data", run.resolve("data").toString())
            .put("path.logs", logs.toString())
            .put("cluster.name", "searchnode")
            .put("node.name", "searchnode")
            .put("node.portsfile", true)
            .put("discovery.type", "single-node")
            .put("http.host", "127.0.0.1")
            .put("http.port", 0)
            .put("transport.host", "127.0.0.1")
            .put("transport.port", 0)
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .put("xpack.security.enabled", false);
        for (int i = 2; i < args.length; i++) {
            String[] setting = args[i].split("=", 2);
            settings.put(setting[0], setting[1]);
        }
        Settings chosen = settings.build();
        LogConfigurator.configureWithoutConfig(chosen);
        Environment environment = new Environment(chosen, config);
        Set<PluginBundle> modules = modules(environment.modulesDir());
        try (Node node = new Node(environment, PluginsLoader.createPluginsLoader(modules, Set.of(), Map.of()))) {
            node.start();
            String scheme = chosen.getAsBoolean("xpack.security.http.ssl.enabled", false) ? "https" : "http";
            System.out.println("READY " + scheme + "://" + Files.readAllLines(logs.resolve("http.ports")).get(0));
            while (System.in.read() >= 0) {
                // the end of input ends the node
            }
        }
    }

    /** 9.x takes a second argument, which 8.x does not know. */
    @SuppressWarnings("unchecked")
    private static Set<PluginBundle> modules(Path folder) throws ReflectiveOperationException {
        for (Method method : PluginsLoader.class.getMethods()) {
            if (method.getName().equals("loadModulesBundles")) {
                Object[] arguments = method.getParameterCount() == 1 ? new Object[] {folder} : new Object[] {folder, false};
                return (Set<PluginBundle>) method.invoke(null, arguments);
            }
        }
        throw new NoSuchMethodException("PluginsLoader.loadModulesBundles");
    }
}

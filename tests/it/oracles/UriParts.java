import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Returns the parts that Elasticsearch's uri_parts processor takes from a URL, from the JDK that it
 * wraps.
 *
 * <p>Run it with {@code java UriParts.java}. Each line of standard input is a URL, in which any
 * character may be written as &#92;uXXXX (a UTF-16 unit) and the backslash must be. Each line of
 * standard output is the JSON object of its parts, or {@code null} if the processor throws.
 */
public final class UriParts {

    private static final Pattern REJECTED_IN_HOST = Pattern.compile(
        "[\\x00-\\x20\"#/:<>?@\\[\\\\\\]^`{|}\\x7f\\u2047-\\u2049\\u2100\\u2101\\u2105\\u2106\\u2A74"
            + "\\uFE55\\uFE56\\uFE5F\\uFE6B\\uFF03\\uFF0F\\uFF1A\\uFF1F\\uFF20]");

    public static void main(String[] args) throws IOException {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.write(json(parts(unescape(line))));
            out.write('\n');
        }
        out.flush();
    }

    private static Map<String, Object> parts(String text) {
        try {
            URI uri = new URI(text);
            return parts(uri.getScheme(), uri.getUserInfo(), uri.getHost(), uri.getPort(),
                uri.getPath(), uri.getQuery(), uri.getFragment());
        } catch (NumberFormatException before25) {
            return null;
        } catch (URISyntaxException notAUri) {
            return partsOfUrl(text);
        }
    }

    @SuppressWarnings("deprecation")
    private static Map<String, Object> partsOfUrl(String text) {
        try {
            URL url = new URL(text);
            return Runtime.version().feature() < 22 && isRejectedSince22(url) ? null : parts(url.getProtocol(), url.getUserInfo(), url.getHost(), url.getPort(),
                url.getPath(), url.getQuery(), url.getRef());
        } catch (MalformedURLException notAUrl) {
            return null;
        }
    }

    /** Older JDKs checked the host when they connected, not when they parsed. */
    private static boolean isRejectedSince22(URL url) {
        boolean isLiteral = url.getHost().matches("\\[([^%]+|[^%]+%[^\\x00-\\x1f\\[\\]/\\\\#?\\x7f]+)\\]");
        return !isLiteral && REJECTED_IN_HOST.matcher(url.getHost()).find()
            || url.getUserInfo() != null && url.getUserInfo().matches("(?s).*[\\x00-\\x1f\\[\\]/\\\\#?@\\x7f].*")
            || url.getAuthority() != null && url.getAuthority().matches("(?s).*[\\x00-\\x1f/\\\\#?\\x7f].*");
    }

    private static Map<String, Object> parts(String scheme, String userInfo, String domain, int port,
                                             String path, String query, String fragment) {
        var parts = new LinkedHashMap<String, Object>();
        parts.put("scheme", scheme);
        parts.put("domain", domain);
        parts.put("path", path);
        parts.put("query", query);
        parts.put("fragment", fragment);
        parts.put("port", port == -1 ? null : port);
        String file = path == null || path.indexOf('/') < 0 ? "" : path.substring(path.lastIndexOf('/'));
        parts.put("extension", file.indexOf('.') < 0 ? null : file.substring(file.lastIndexOf('.') + 1));
        parts.put("user_info", userInfo);
        if (userInfo != null && userInfo.indexOf(':') >= 0) {
            parts.put("username", userInfo.substring(0, userInfo.indexOf(':')));
            parts.put("password", userInfo.substring(userInfo.indexOf(':') + 1));
        }
        return parts;
    }

    private static String unescape(String line) {
        var text = new StringBuilder();
        for (int i = 0; i < line.length(); i++) {
            if (line.charAt(i) == '\\') {
                text.append((char) Integer.parseInt(line.substring(i + 2, i + 6), 16));
                i += 5;
            } else {
                text.append(line.charAt(i));
            }
        }
        return text.toString();
    }

    private static String json(Map<String, Object> parts) {
        if (parts == null) {
            return "null";
        }
        var json = new StringBuilder();
        parts.forEach((name, value) -> {
            if (value != null) {
                json.append(json.isEmpty() ? "{" : ",").append('"').append(name).append("\":");
                json.append(value instanceof String text ? quote(text) : value);
            }
        });
        return json.isEmpty() ? "{}" : json.append('}').toString();
    }

    private static String quote(String text) {
        var quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c < ' ' || c > '~' || c == '"' || c == '\\') {
                quoted.append(String.format("\\u%04x", (int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }
}

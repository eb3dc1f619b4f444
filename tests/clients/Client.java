import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.Authenticator;
import java.net.InetSocketAddress;
import java.net.PasswordAuthentication;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Walks a service as README.md of this directory says, with Java's own java.net.http. Java reads neither the proxy's
 * variables nor SSL_CERT_FILE, and sends no Basic credentials to a proxy for HTTPS unless a property allows it.
 */
public class Client {
    public static void main(String[] arguments) throws Exception {
        System.setProperty("jdk.http.auth.tunneling.disabledSchemes", "");
        URI proxy = URI.create(System.getenv("HTTPS_PROXY"));
        String[] user = proxy.getUserInfo().split(":", 2);
        HttpClient client = HttpClient.newBuilder()
            .proxy(ProxySelector.of(new InetSocketAddress(proxy.getHost(), proxy.getPort())))
            .authenticator(new Authenticator() {
                @Override
                protected PasswordAuthentication getPasswordAuthentication() {
                    return new PasswordAuthentication(user[0], user[1].toCharArray());
                }
            })
            .sslContext(trusting(System.getenv("SSL_CERT_FILE")))
            .build();
        String base = arguments[0];
        HttpResponse<String> hello = client.send(get(base + "/hello"), BodyHandlers.ofString());
        System.out.println("get " + hello.statusCode() + " " + hello.body());
        HttpRequest.Builder post = HttpRequest.newBuilder(URI.create(base + "/count"));
        HttpRequest upload = post.POST(HttpRequest.BodyPublishers.ofString("x".repeat(100_000))).build();
        System.out.println("post " + client.send(upload, BodyHandlers.ofString()).body());
        HttpResponse<String> blocked = client.send(get(base + "/blocked"), BodyHandlers.ofString());
        String code = blocked.headers().firstValue("x-onecli-error").orElseThrow();
        System.out.println("blocked " + blocked.statusCode() + " " + code);
        InputStream stream = client.send(get(base + "/stream/3"), BodyHandlers.ofInputStream()).body();
        BufferedReader lines = new BufferedReader(new InputStreamReader(stream));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(line);
        }
        System.out.println("end");
    }

    private static HttpRequest get(String url) {
        return HttpRequest.newBuilder(URI.create(url)).build();
    }

    private static SSLContext trusting(String bundle) throws Exception {
        KeyStore roots = KeyStore.getInstance(KeyStore.getDefaultType());
        roots.load(null, null);
        try (InputStream pem = new FileInputStream(bundle)) {
            for (Certificate root : CertificateFactory.getInstance("X.509").generateCertificates(pem)) {
                roots.setCertificateEntry("root-" + roots.size(), root);
            }
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(roots);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }
}

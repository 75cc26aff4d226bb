import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/**
 * Java's HttpClient with its default settings: it prefers HTTP/2, and asks for it by `Upgrade: h2c`.
 *
 * Prints a line for each response, a tab between its fields, and each message of a WebSocket.
 */
final class JavaClient {
    private static final String VIEWER_BODY = "{\"query\": \"{ viewer { user { username } } }\"}";
    private static final String MUTATION_BODY = """
            {"query": "mutation ($input: PullResourceInput!) { pullResource(input: $input) { __typename } }",
            "variables": {"input": {"uuid": "00000000000000000000000000000000"}},
            "extensions": {"padding": "%s"}}""".formatted("x".repeat(500_000));
    private static final int PARALLEL_REQUESTS = 20;

    private final HttpClient client = HttpClient.newHttpClient();
    private final URI address;
    private final String authorization;

    private JavaClient(String url, String token) {
        address = URI.create(url);
        authorization = "Token " + token;
    }

    public static void main(String[] arguments) throws Exception {
        JavaClient javaClient = new JavaClient(arguments[0], arguments[1]);
        javaClient.sendRequests();
        javaClient.subscribe(arguments[2]);
        System.exit(0); // the client's threads are not all daemons in older versions
    }

    private void sendRequests() throws Exception {
        send("query", post(BodyPublishers.ofString(VIEWER_BODY)));
        send("again", post(BodyPublishers.ofString(VIEWER_BODY)));
        send("long", post(BodyPublishers.ofString(MUTATION_BODY)));
        byte[] bytes = MUTATION_BODY.getBytes(StandardCharsets.UTF_8);
        send("chunked", post(BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes))));
        send("continue", post(BodyPublishers.ofString(MUTATION_BODY)).expectContinue(true));
        send("head", request().method("HEAD", BodyPublishers.noBody()));
        send("options", request().method("OPTIONS", BodyPublishers.noBody()));
        List<CompletableFuture<HttpResponse<String>>> responses = new ArrayList<>();
        for (int number = 0; number < PARALLEL_REQUESTS; number++) {
            HttpRequest request = post(BodyPublishers.ofString(VIEWER_BODY)).build();
            responses.add(client.sendAsync(request, BodyHandlers.ofString()));
        }
        for (CompletableFuture<HttpResponse<String>> each : responses) {
            print("parallel", each.get());
        }
    }

    private HttpRequest.Builder request() {
        return HttpRequest.newBuilder(address).header("Authorization", authorization);
    }

    private HttpRequest.Builder post(BodyPublisher body) {
        return request().header("Content-Type", "application/json").POST(body);
    }

    private void send(String name, HttpRequest.Builder builder) throws IOException, InterruptedException {
        print(name, client.send(builder.build(), BodyHandlers.ofString()));
    }

    private static void print(String name, HttpResponse<String> response) {
        System.out.println(
                String.join("\t", name, response.version().name(), String.valueOf(response.statusCode()), response.body()));
    }

    /** Subscribe over a WebSocket, and print messages until the first event. */
    private void subscribe(String query) throws Exception {
        CompletableFuture<Void> isDone = new CompletableFuture<>();
        WebSocket.Listener listener = new WebSocket.Listener() {
            private final StringBuilder message = new StringBuilder();
            private CompletableFuture<WebSocket> lastSend = new CompletableFuture<>();

            @Override
            public void onOpen(WebSocket webSocket) {
                System.out.println("subprotocol\t" + webSocket.getSubprotocol());
                lastSend.complete(webSocket);
                sendText("{\"type\": \"connection_init\", \"payload\": {\"Authorization\": \"" + authorization + "\"}}");
                WebSocket.Listener.super.onOpen(webSocket);
            }

            /** Send a message after the last one: a WebSocket refuses a second one before the first is sent. */
            private void sendText(String text) {
                send(webSocket -> webSocket.sendText(text, true));
            }

            private void send(Function<WebSocket, CompletableFuture<WebSocket>> action) {
                lastSend = lastSend.thenCompose(action);
                lastSend.exceptionally(error -> {
                    isDone.completeExceptionally(error);
                    return null;
                });
            }

            @Override
            public CompletionStage<?> onText(WebSocket webSocket, CharSequence part, boolean isLast) {
                message.append(part); // a message may come in parts
                if (isLast) {
                    receive(message.toString());
                    message.setLength(0);
                }
                return WebSocket.Listener.super.onText(webSocket, part, isLast);
            }

            private void receive(String text) {
                System.out.println("message\t" + text);
                if (text.contains("connection_ack")) {
                    sendText("{\"id\": \"1\", \"type\": \"subscribe\", \"payload\": {\"query\": \"" + query + "\"}}");
                } else if (text.contains("\"next\"")) {
                    send(webSocket -> webSocket.sendClose(WebSocket.NORMAL_CLOSURE, ""));
                }
            }

            @Override
            public CompletionStage<?> onClose(WebSocket webSocket, int code, String reason) {
                System.out.println("closed\t" + code);
                isDone.complete(null);
                return null;
            }

            @Override
            public void onError(WebSocket webSocket, Throwable error) {
                isDone.completeExceptionally(error);
            }
        };
        client.newWebSocketBuilder()
                .subprotocols("graphql-transport-ws")
                .buildAsync(URI.create(address.toString().replace("http", "ws")), listener)
                .get();
        isDone.get();
    }
}

package msteamsconnectormodule.impl;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;

/**
 * Calls a Teams Connector service over HTTP with the JDK alone. Whatever
 * happens is told in the answer; nothing is thrown. No message contains the
 * license secret.
 */
public final class TeamsConnector {
	/** What the service, or this class in its place, says about a call. */
	public static final class Answer {
		public final boolean sentMessage;
		public final String message;
		public final String status;
		public final String messageId;
		public final String messageUrl;

		Answer(boolean sentMessage, String status, String message, String messageId, String messageUrl) {
			this.sentMessage = sentMessage;
			this.status = status;
			this.message = message;
			this.messageId = messageId;
			this.messageUrl = messageUrl;
		}

		static Answer of(String status, String message) {
			return new Answer(false, status, message, "", "");
		}
	}

	/** The statuses that this class gives itself; every other one is the service's own. */
	public static final String NOT_CONFIGURED = "not_configured";
	public static final String NOT_REACHED = "not_reached";
	public static final String TIMEOUT = "timeout";
	public static final String UNEXPECTED_ANSWER = "unexpected_answer";
	public static final String LICENSE_INVALID = "license_invalid";
	public static final String OK = "ok";

	private static final int ATTEMPTS = 3;
	private static final long LONGEST_WAIT = 55;
	private static final int MAX_ANSWER = 1 << 20;
	private static final Duration CONNECT = Duration.ofSeconds(5);
	/** For everything but the wait for Teams. */
	private static final Duration SLACK = Duration.ofSeconds(15);
	private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);
	private static final Set<Integer> WORTH_REPEATING = Set.of(429, 502, 503, 504);

	/** One client for the app: it keeps connections open. Its proxy and trust store are the JVM's. */
	private static final class Shared {
		static final HttpClient CLIENT = HttpClient.newBuilder()
			.version(HttpClient.Version.HTTP_1_1)
			.followRedirects(HttpClient.Redirect.NEVER) // it would carry the license elsewhere
			.connectTimeout(CONNECT)
			.build();
	}

	private final String serviceUrl;
	private final String licenseKey;
	private final String licenseSecret;
	private final long waitSeconds;
	private final Duration slack;

	/** waitSeconds is how long to wait for Teams, up to 55; 0: until the message is stored. */
	public TeamsConnector(String serviceUrl, String licenseKey, String licenseSecret, long waitSeconds) {
		this(serviceUrl, licenseKey, licenseSecret, waitSeconds, SLACK);
	}

	TeamsConnector(String serviceUrl, String licenseKey, String licenseSecret, long waitSeconds, Duration slack) {
		this.serviceUrl = trimmed(serviceUrl).replaceAll("/+$", "");
		this.licenseKey = trimmed(licenseKey);
		this.licenseSecret = trimmed(licenseSecret);
		this.waitSeconds = Math.max(0, Math.min(LONGEST_WAIT, waitSeconds));
		this.slack = slack;
	}

	/** Sends a plain text. */
	public Answer sendText(String webhookId, String textMessage) {
		Map<String, Object> body = new LinkedHashMap<>();
		body.put("webhookId", webhookId);
		body.put("textMessage", textMessage);
		return send(body);
	}

	/**
	 * Sends a message as the service's send call takes it. Without a messageKey
	 * it gets one of its own, so that a repeat posts nothing twice.
	 */
	public Answer send(Map<String, Object> body) {
		Answer problem = settings();
		if (problem != null) {
			return problem;
		}
		Map<String, Object> keyed = new LinkedHashMap<>(body);
		if (trimmed((String) keyed.get("messageKey")).isEmpty()) {
			keyed.put("messageKey", "mendix-" + UUID.randomUUID());
		}
		HttpRequest.Builder request;
		try {
			request = request("/api/v1/messages");
		} catch (IllegalArgumentException e) {
			return badUrl();
		}
		request.header("Content-Type", "application/json")
			.header("Prefer", waitSeconds == 0 ? "respond-async" : "wait=" + waitSeconds)
			.POST(HttpRequest.BodyPublishers.ofString(Json.write(keyed), StandardCharsets.UTF_8));
		return call(request.build(), Duration.ofSeconds(waitSeconds).plus(slack), TeamsConnector::sendAnswer);
	}

	/**
	 * Checks the address, the keys and the subscription, and that the webhook
	 * exists, or, where webhookId is empty, that there is any. It sends nothing.
	 */
	public Answer check(String webhookId) {
		Answer problem = settings();
		if (problem != null) {
			return problem;
		}
		HttpRequest request;
		try {
			request = request("/api/v1/webhooks").GET().build();
		} catch (IllegalArgumentException e) {
			return badUrl();
		}
		String wanted = trimmed(webhookId);
		Answer answer = call(request, slack, reply -> checkAnswer(reply, wanted));
		if (!answer.status.equals(TIMEOUT)) {
			return answer;
		}
		return Answer.of(TIMEOUT, "No answer came within " + slack.toSeconds() + " seconds. "
			+ "Check the constant ServiceURL of MSTeamsConnectorModule and the way to it (firewall, proxy).");
	}

	private Answer settings() {
		if (serviceUrl.isEmpty()) {
			return Answer.of(NOT_CONFIGURED, "The constant ServiceURL of MSTeamsConnectorModule is empty. "
				+ "Set it to the address of your Teams Connector, such as https://teams.example.com.");
		}
		if (licenseKey.isEmpty() || licenseSecret.isEmpty()) {
			return Answer.of(LICENSE_INVALID, "The constant " + (licenseKey.isEmpty() ? "LicenseKey" : "LicenseSecret")
				+ " of MSTeamsConnectorModule is empty. Have binding keys made (teamsconnector keys create) and set both constants.");
		}
		return null;
	}

	private static Answer badUrl() {
		return Answer.of(NOT_CONFIGURED, "The constant ServiceURL of MSTeamsConnectorModule is not the address of a service. "
			+ "It must look like https://teams.example.com, without anything behind the host and an optional path.");
	}

	private HttpRequest.Builder request(String path) {
		URI uri = URI.create(serviceUrl + path);
		if (uri.getHost() == null || uri.getUserInfo() != null || uri.getQuery() != null || uri.getFragment() != null) {
			throw new IllegalArgumentException();
		}
		String pair = licenseKey + ":" + licenseSecret;
		return HttpRequest.newBuilder(uri) // refuses what is neither http nor https
			.header("Accept", "application/json, application/problem+json")
			.header("Authorization", "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8)));
	}

	/** What came back over HTTP, with its JSON; json is null where the body is not an object. */
	private static final class Reply {
		final int status;
		final String retryAfter;
		final Map<String, Object> json;

		Reply(HttpResponse<byte[]> response) {
			status = response.statusCode();
			retryAfter = response.headers().firstValue("Retry-After").orElse("");
			json = Json.object(new String(response.body(), StandardCharsets.UTF_8));
		}

		String text(String name) {
			Object value = json == null ? null : json.get(name);
			return value instanceof String ? (String) value : "";
		}
	}

	private interface Reader {
		Answer read(Reply reply);
	}

	/** Calls until there is an answer that a repeat can't better, at most three times and within the patience. */
	private static Answer call(HttpRequest request, Duration patience, Reader reader) {
		long deadline = System.nanoTime() + patience.toNanos();
		Answer answer = null;
		boolean unclear = false; // an attempt may have stored the message
		for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
			Duration left = Duration.ofNanos(deadline - System.nanoTime());
			if (left.isNegative() || left.isZero()) {
				break;
			}
			Duration pause = Duration.ofMillis(250L << attempt);
			CompletableFuture<HttpResponse<byte[]>> call = Shared.CLIENT.sendAsync(request, info -> new Limited(MAX_ANSWER));
			try {
				Reply reply = new Reply(call.get(left.toMillis() + 1, TimeUnit.MILLISECONDS));
				answer = reader.read(reply);
				if (!WORTH_REPEATING.contains(reply.status)) {
					return answer;
				}
				unclear |= answer.status.equals(UNEXPECTED_ANSWER) || answer.status.equals("accept_unknown");
				pause = longer(pause, seconds(reply.retryAfter));
			} catch (TimeoutException e) {
				call.cancel(true);
				return timeout(patience);
			} catch (InterruptedException e) {
				call.cancel(true);
				Thread.currentThread().interrupt();
				return Answer.of(TIMEOUT, "The call was interrupted before an answer came. The message may have been stored.");
			} catch (ExecutionException e) {
				answer = broken(e.getCause());
				unclear |= answer.status.equals(TIMEOUT);
			}
			if (attempt == ATTEMPTS || pause.compareTo(LONGEST_PAUSE) > 0 || System.nanoTime() + pause.toNanos() >= deadline) {
				break;
			}
			try {
				Thread.sleep(pause.toMillis());
			} catch (InterruptedException e) {
				Thread.currentThread().interrupt();
				break;
			}
		}
		boolean unlikely = answer != null && (answer.status.equals(NOT_REACHED) || answer.status.equals("not_accepted"));
		return answer == null || unclear && unlikely ? timeout(patience) : answer; // nothing more may be claimed
	}

	private static Answer sendAnswer(Reply reply) {
		String status = reply.text("status");
		String message = reply.text("message");
		boolean known = reply.json != null && reply.json.get("sentMessage") instanceof Boolean && !message.isEmpty();
		if (reply.status < 300 && known && !status.isEmpty()) {
			return new Answer((Boolean) reply.json.get("sentMessage"), status, message, reply.text("messageId"), reply.text("messageUrl"));
		}
		return refused(reply);
	}

	/** Reads an error, which has the same text whatever its HTTP status. */
	private static Answer refused(Reply reply) {
		String code = reply.text("code");
		String message = reply.text("message");
		if (code.isEmpty() || message.isEmpty()) {
			return Answer.of(UNEXPECTED_ANSWER, "The answer was HTTP " + reply.status + ", and not one of a Teams Connector. "
				+ "Check the constant ServiceURL of MSTeamsConnectorModule and what stands between the app and the service.");
		}
		return Answer.of(code, message);
	}

	private static Answer checkAnswer(Reply reply, String webhookId) {
		Object items = reply.json == null ? null : reply.json.get("items");
		if (reply.status != 200 || !(items instanceof List)) {
			return refused(reply);
		}
		List<?> webhooks = (List<?>) items;
		if (webhooks.isEmpty()) {
			return Answer.of("webhook_not_found", "Address and keys are right, but there is no webhook yet. "
				+ "Add one with: teamsconnector webhook add.");
		}
		if (webhookId.isEmpty()) {
			return Answer.of(OK, "Address, keys and subscription are right, and there is a webhook to send to. Nothing was sent.");
		}
		for (Object webhook : webhooks) {
			if (webhook instanceof Map && webhookId.equals(((Map<?, ?>) webhook).get("id"))) {
				return Answer.of(OK, "Address, keys, subscription and webhook are right. Nothing was sent.");
			}
		}
		if (reply.json.get("next") != null) {
			return Answer.of(OK, "Address, keys and subscription are right. There are more webhooks than were looked at, "
				+ "so that the Webhook ID could not be checked. Nothing was sent.");
		}
		return Answer.of("webhook_not_found", "Address and keys are right, but this subscription has no webhook with that Webhook ID. "
			+ "Copy it as it was given when the webhook was added.");
	}

	private static Answer timeout(Duration patience) {
		return Answer.of(TIMEOUT, "No clear answer came within " + patience.toSeconds() + " seconds. The message may have been stored: "
			+ "look at the service's messages before you send it again, or repeat it with the same messageKey.");
	}

	private static Answer broken(Throwable cause) {
		if (cause instanceof ConnectException || cause instanceof HttpConnectTimeoutException) {
			return Answer.of(NOT_REACHED, "The Teams Connector can't be reached, so nothing was sent. "
				+ "Check the constant ServiceURL of MSTeamsConnectorModule, that the service runs, and the way to it (DNS, firewall, proxy).");
		}
		if (cause instanceof SSLException) {
			return Answer.of(NOT_REACHED, "There is no trusted connection to the Teams Connector, so nothing was sent. "
				+ "If its certificate comes from a certificate authority of your own, that one must be in the app's trust store.");
		}
		// Its own text may be null, and tells a Mendix developer little.
		return Answer.of(TIMEOUT, "The connection to the Teams Connector broke before an answer came. The message may have been stored: "
			+ "look at the service's messages before you send it again, or repeat it with the same messageKey.");
	}

	private static Duration seconds(String retryAfter) {
		return retryAfter.matches("\\d{1,5}") ? Duration.ofSeconds(Long.parseLong(retryAfter)) : Duration.ZERO;
	}

	private static Duration longer(Duration a, Duration b) {
		return a.compareTo(b) >= 0 ? a : b;
	}

	private static String trimmed(String text) {
		return text == null ? "" : text.trim();
	}

	/** Reads a body up to a limit and no further. */
	private static final class Limited implements HttpResponse.BodySubscriber<byte[]> {
		private final int limit;
		private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
		private final CompletableFuture<byte[]> body = new CompletableFuture<>();
		private Flow.Subscription subscription;

		Limited(int limit) {
			this.limit = limit;
		}

		@Override
		public CompletionStage<byte[]> getBody() {
			return body;
		}

		@Override
		public void onSubscribe(Flow.Subscription s) {
			subscription = s;
			s.request(Long.MAX_VALUE);
		}

		@Override
		public void onNext(List<ByteBuffer> buffers) {
			for (ByteBuffer buffer : buffers) {
				byte[] part = new byte[Math.min(buffer.remaining(), limit - bytes.size())];
				buffer.get(part);
				bytes.write(part, 0, part.length);
			}
			if (bytes.size() >= limit) {
				subscription.cancel();
				body.completeExceptionally(new IOException("answer too large"));
			}
		}

		@Override
		public void onError(Throwable e) {
			body.completeExceptionally(e);
		}

		@Override
		public void onComplete() {
			body.complete(bytes.toByteArray());
		}
	}
}

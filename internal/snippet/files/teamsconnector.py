#!/usr/bin/env python3
"""Send messages to Microsoft Teams channels through a Teams Connector service.

One file, Python 3.8 or later, nothing to install:

    import teamsconnector

    teams = teamsconnector.Client()      # reads the three variables below
    response = teams.send("wh_...", "Backup finished")
    print(response.status, response.message)

or from a shell:

    python3 teamsconnector.py send --webhook wh_... --text "Backup finished"

TEAMSCONNECTOR_URL, TEAMSCONNECTOR_LICENSE_KEY and TEAMSCONNECTOR_LICENSE_SECRET
say where the service is and as which app to send. A call is repeated where that
may help (no connection, 429, 502, 503, 504), always with the same message key,
so that nothing goes twice.

Exit codes: 0 sent; 3 accepted or held (0 with --accept-ok); 4 refused, failed,
expired or uncertain; 5 license or quota; 6 not reached, or too busy after all
tries; 2 wrong usage.
"""

import argparse
import base64
import email.utils
import http.client
import json
import os
import re
import secrets
import ssl
import sys
import time
import urllib.parse
import urllib.request

ENV_URL = "TEAMSCONNECTOR_URL"
ENV_LICENSE_KEY = "TEAMSCONNECTOR_LICENSE_KEY"
ENV_LICENSE_SECRET = "TEAMSCONNECTOR_LICENSE_SECRET"

LEVELS = ("info", "good", "warning", "error")

_DEFAULT_WAIT = 10  # the service's own, in seconds
_MAX_WAIT = 55
_SLACK = 15  # for everything but the wait
_MAX_ANSWER = 1 << 20


class TeamsConnectorError(Exception):
    """The message was not taken. With unknown=True it may be stored all the same:
    repeat the call with the same key only."""

    def __init__(self, message, code="", status=0, fields=(), request_id="", retry_after=0.0, unknown=False):
        super().__init__(message)
        self.message = message  # for people: what is wrong and what to do
        self.code = code  # what programs branch on; "": not the service's own answer
        self.status = status  # of HTTP; 0: no answer
        self.fields = list(fields)  # [{"pointer": "/webhookId", "detail": "..."}]
        self.request_id = request_id  # for the service's operator
        self.retry_after = retry_after  # seconds; 0: the service does not say
        self.unknown = unknown


class NotReached(TeamsConnectorError):
    """No answer, or one of something else than a Teams Connector."""


class LicenseInvalid(TeamsConnectorError):
    """Wrong, deleted or missing keys."""


class SubscriptionExpired(TeamsConnectorError):
    """The subscription is over or cancelled."""


class QuotaExhausted(TeamsConnectorError):
    """The plan's messages are used up."""


class WebhookNotFound(TeamsConnectorError):
    """No such Webhook ID in this subscription."""


class InvalidMessage(TeamsConnectorError, ValueError):
    """A field is wrong; fields says which."""


class MessageTooLarge(TeamsConnectorError):
    """Too large for Teams, or for the service."""


class KeyReused(TeamsConnectorError):
    """The same message key with other content."""


class RateLimited(TeamsConnectorError):
    """Too many calls."""


class BacklogFull(TeamsConnectorError):
    """The webhook's queue can't be worked off in time."""


class NotAccepted(TeamsConnectorError):
    """The service can't store messages now."""


_BY_CODE = {
    "license_invalid": LicenseInvalid,
    "subscription_expired": SubscriptionExpired,
    "message_quota_exhausted": QuotaExhausted,
    "webhook_quota_exhausted": QuotaExhausted,
    "webhook_not_found": WebhookNotFound,
    "invalid_field": InvalidMessage,
    "invalid_json": InvalidMessage,
    "too_large": MessageTooLarge,
    "message_key_reused": KeyReused,
    "rate_limited": RateLimited,
    "backlog_full": BacklogFull,
    "not_accepted": NotAccepted,
}


class Response:
    """How far a message has come. Whatever its status (sent, posted, accepted,
    held, failed, expired, uncertain): it is stored, so don't send it again."""

    def __init__(self, answer):
        self.raw = answer
        self.sent = bool(answer.get("sentMessage"))
        self.message = answer.get("message", "")  # the same for people
        self.message_id = answer["messageId"]
        self.status = answer.get("status", "")
        self.expected_at = answer.get("expectedAt")  # RFC 3339; None unless it is accepted
        self.maybe_posted = bool(answer.get("maybePosted"))
        self.warnings = answer.get("warnings") or []

    def __repr__(self):
        return "<Response %s %s>" % (self.status, self.message_id)


class Client:
    """Sends messages. What is not given is read from the environment."""

    def __init__(self, url=None, license_key=None, license_secret=None, attempts=4, max_pause=30.0, context=None):
        """attempts: calls at most; max_pause: the longest pause between two, in
        seconds; context: an ssl.SSLContext, for certificates of one's own."""
        values = {}
        for name, given in ((ENV_URL, url), (ENV_LICENSE_KEY, license_key), (ENV_LICENSE_SECRET, license_secret)):
            values[name] = (given if given is not None else os.environ.get(name, "")).strip()
        missing = [name for name, value in values.items() if not value]
        if missing:
            raise ValueError("not set: " + ", ".join(missing))
        self.url = values[ENV_URL].rstrip("/")
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError("the service's URL can't be used: it must look like https://teams.example.com")
        self._parts = parts
        pair = "%s:%s" % (values[ENV_LICENSE_KEY], values[ENV_LICENSE_SECRET])
        self._authorization = "Basic " + base64.b64encode(pair.encode()).decode()
        self._attempts = max(1, attempts)
        self._max_pause = max_pause
        self._context = context

    def __repr__(self):
        return "<teamsconnector.Client for %s>" % self.url  # and no license

    def send(self, webhook_id, text=None, *, title=None, level=None, facts=None, link=None, card=None,
             key=None, expires_in=None, wait=None):
        """Post a text (with title, level, facts and link where there are some) or a card.

        facts: a dict, or pairs of name and value; link: a URL, or {"text": ..., "url": ...};
        card: an Adaptive Card as a dict; key: makes a repeat of this call safe (one is made
        for its own attempts); expires_in: seconds that it may wait for Teams; wait: seconds
        to wait for Teams, up to 55 (default: the service's 10), 0: only until it is stored.
        Returns a Response, or raises a TeamsConnectorError.
        """
        body = {"webhookId": webhook_id, "textMessage": text, "title": title, "level": level, "card": card,
                "messageKey": key or "py-" + secrets.token_hex(16), "expiresIn": expires_in}
        if facts:
            pairs = facts.items() if isinstance(facts, dict) else facts
            body["facts"] = [{"name": name, "value": str(value)} for name, value in pairs]
        if link:
            body["link"] = {"url": link} if isinstance(link, str) else link
        try:
            encoded = json.dumps({k: v for k, v in body.items() if v is not None}, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as err:  # UnicodeEncodeError is one: a lone surrogate
            raise InvalidMessage("the message can't be written as JSON in UTF-8: %s" % err) from None
        unknown = False
        attempt = 1
        while True:
            try:
                return self._once(encoded, wait)
            except TeamsConnectorError as err:
                # A refusal for what the message is comes after a look for its key: then no try was stored.
                refused = err.code and err.status < 500 and err.status not in (401, 429)
                unknown = err.unknown = not refused and (unknown or err.unknown)
                pause = self._pause(err, attempt)
                if pause is None:
                    raise
            time.sleep(pause)
            attempt += 1

    def _pause(self, err, attempt):
        """How long to wait before the next attempt; None: there is none."""
        again = err.status in (0, 429, 502, 503, 504) and isinstance(err, TeamsConnectorError)
        if attempt >= self._attempts or not again:
            return None
        pause = max(0.5 * 2 ** (attempt - 1), err.retry_after)
        return pause if pause <= self._max_pause else None

    def _once(self, body, wait):
        patience = _DEFAULT_WAIT if not wait else min(wait, _MAX_WAIT)
        headers = {"Authorization": self._authorization, "Content-Type": "application/json",
                   "User-Agent": "teamsconnector.py"}
        if wait is not None:
            headers["Prefer"] = "respond-async" if wait <= 0 else "wait=%d" % -(-patience // 1)
        connection, target, more = self._connection(patience + _SLACK)
        headers.update(more)
        try:
            try:
                connection.connect()
            except (OSError, http.client.HTTPException) as err:
                raise NotReached("service not reached: %s" % err) from None
            try:
                connection.request("POST", target, body, headers)
                answer = connection.getresponse()
                text = answer.read(_MAX_ANSWER)
            except (OSError, http.client.HTTPException) as err:
                raise NotReached("service not reached, and the message may be stored: %s" % (err or type(err).__name__),
                                 unknown=True) from None
            return _read(answer, text)
        finally:
            connection.close()

    def _connection(self, timeout):
        """A connection, direct or by the environment's proxy, with the request's target and headers."""
        scheme, host, port = self._parts.scheme, self._parts.hostname, self._parts.port
        target = self._parts.path + "/api/v1/messages"
        proxy = urllib.request.getproxies().get(scheme)
        via = None
        if proxy and not urllib.request.proxy_bypass(host):
            via = urllib.parse.urlsplit(proxy if "//" in proxy else "//" + proxy)
        headers = {}
        if via and via.username:
            pair = "%s:%s" % (urllib.parse.unquote(via.username), urllib.parse.unquote(via.password or ""))
            headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        at = (via.hostname, via.port or 80) if via else (host, port)
        if scheme == "http":
            connection = http.client.HTTPConnection(at[0], at[1], timeout=timeout)
            return connection, (self.url + "/api/v1/messages" if via else target), headers
        context = self._context or ssl.create_default_context()
        connection = http.client.HTTPSConnection(at[0], at[1], timeout=timeout, context=context)
        if via:
            connection.set_tunnel(host, port or 443, headers)
        return connection, target, {}


def _read(answer, text):
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        said = {}
    if answer.status in (200, 202):
        if said.get("messageId"):
            return Response(said)
        raise NotReached("The answer is not one of a Teams Connector. Check the service's URL.", status=answer.status)
    code = said.get("code") or ""
    message = said.get("message") or (
        "The answer was HTTP %d %s, not one of a Teams Connector. Check the service's URL and what stands between."
        % (answer.status, answer.reason))
    kind = _BY_CODE.get(code, TeamsConnectorError) if code else NotReached
    raise kind(message, code=code, status=answer.status, fields=said.get("errors") or [],
               request_id=answer.headers.get("X-Request-Id", ""), retry_after=_retry_after(answer.headers.get("Retry-After")),
               unknown=code in ("accept_unknown", "internal") or not code and answer.status >= 500)


def _retry_after(value):
    """Seconds or a date; anything else counts as absent."""
    value = (value or "").strip()
    if re.match(r"^\d+$", value):
        return float(min(int(value), 24 * 60 * 60))
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return 0.0


# The command line.

_EXIT_WAITING, _EXIT_ENDED, _EXIT_LICENSE, _EXIT_AWAY = 3, 4, 5, 6


def _duration(least, most):
    def read(text):
        match = re.match(r"^(\d+)(s|m|h|d)?$", text)
        seconds = int(match.group(1)) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match.group(2) or "s"] if match else -1
        if not least <= seconds <= most:
            raise argparse.ArgumentTypeError("%r is not a time from %ds to %ds, such as 30s or 2h" % (text, least, most))
        return seconds
    return read


def _fact(text):
    name, found, value = text.partition("=")
    if not found:
        raise argparse.ArgumentTypeError("%r should be NAME=VALUE" % text)
    return name, value


def _link(text):
    begin = re.search(r"(?i)(^|=)https?://", text)  # the URL begins here: both parts may hold a =
    at = begin.start() if begin else text.find("=")
    if at < 0 or text[at] != "=":
        return {"url": text}
    return {"text": text[:at], "url": text[at + 1:]}


def _parser():
    parser = argparse.ArgumentParser(prog="teamsconnector.py", description="Send messages to Microsoft Teams channels.",
                                     epilog=__doc__[__doc__.index("Exit codes"):])
    send = parser.add_subparsers(dest="command", required=True).add_parser(
        "send", help="send a message", epilog=__doc__[__doc__.index("Exit codes"):])
    send.add_argument("--webhook", required=True, help="Webhook ID")
    what = send.add_mutually_exclusive_group(required=True)
    what.add_argument("--text", help="the text")
    what.add_argument("--card", metavar="FILE", help="file with an Adaptive Card in JSON, or - for standard input")
    what.add_argument("input", nargs="?", choices=["-"], help="read the text from standard input")
    send.add_argument("--title", help="a title above the text")
    send.add_argument("--level", choices=LEVELS, help="how it is meant; shown as a color")
    send.add_argument("--fact", action="append", type=_fact, metavar="NAME=VALUE", help="a line below the text; may be given again")
    send.add_argument("--link", type=_link, metavar="TEXT=URL", help="a button that opens a page")
    send.add_argument("--message-key", dest="key", help="makes a repeat safe")
    send.add_argument("--expires-in", type=_duration(1, 14 * 86400), metavar="TIME", help="how long it may wait for Teams, such as 2h")
    send.add_argument("--wait", type=_duration(0, _MAX_WAIT), metavar="TIME", help="how long to wait for Teams; 0: only until it is stored")
    send.add_argument("--url", help="where the service is [$%s]" % ENV_URL)
    send.add_argument("--json", action="store_true", help="print the answer as JSON, for programs")
    send.add_argument("--accept-ok", action="store_true", help="exit with 0 when the message is stored and still on its way")
    return parser


def _message(parser, args):
    """The arguments of Client.send; wrong usage ends the program."""
    if args.card is not None and (args.title or args.level or args.fact or args.link):
        parser.error("--title, --level, --fact and --link go with a text: put them into the card itself")
    text, card = args.text, None
    try:
        if args.card is not None:
            raw = sys.stdin.buffer.read() if args.card == "-" else open(args.card, "rb").read()
            card = json.loads(raw)
        elif args.text is None:
            text = sys.stdin.buffer.read().decode()
    except (OSError, ValueError) as err:
        parser.error("what is to be sent can't be read: %s" % err)
    return dict(webhook_id=args.webhook, text=text, card=card, title=args.title, level=args.level, facts=args.fact,
                link=args.link, key=args.key, expires_in=args.expires_in, wait=args.wait)


def main(argv=None):
    """The command line; returns the exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        client = Client(url=args.url or os.environ.get(ENV_URL) or "http://127.0.0.1:8080")
    except ValueError as err:
        parser.error(str(err))
    message = _message(parser, args)
    try:
        response = client.send(**message)
    except TeamsConnectorError as err:
        if args.json:
            answer = {"sentMessage": False, "message": err.message, "code": err.code, "errors": err.fields, "requestId": err.request_id}
            print(json.dumps({k: v for k, v in answer.items() if k in ("sentMessage", "message") or v}, indent=2))
        else:
            text = err.message + "".join("\n  %s: %s" % (f["pointer"], f["detail"]) for f in err.fields if f.get("detail") != err.message)
            if err.unknown and err.status:
                text += " It may be stored all the same; a --message-key makes a repeat safe."
            elif isinstance(err, NotReached) and not err.unknown:
                text += " (nothing was stored)"
            print("teamsconnector.py: " + text, file=sys.stderr)
        if isinstance(err, (LicenseInvalid, SubscriptionExpired, QuotaExhausted)):
            return _EXIT_LICENSE
        return _EXIT_AWAY if isinstance(err, NotReached) or err.status == 429 or err.status >= 500 else _EXIT_ENDED
    if args.json:
        print(json.dumps(response.raw, indent=2))
    else:
        for warning in response.warnings:
            print("warning: " + warning, file=sys.stderr)
        print("%s: %s (%s)" % (response.status, response.message, response.message_id))
    if response.status in ("sent", "posted"):
        return 0
    if response.status in ("accepted", "held"):
        return 0 if args.accept_ok else _EXIT_WAITING
    return _EXIT_ENDED


if __name__ == "__main__":
    sys.exit(main())

package msteamsconnectormodule.impl;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** As much JSON as the Teams Connector needs, without a library. */
final class Json {
	private static final int DEEPEST = 64;

	/** JSON text that is written as it is. */
	static final class Raw {
		final String text;

		Raw(String text) {
			this.text = text;
		}
	}

	private final String text;
	private int at;

	private Json(String text) {
		this.text = text;
	}

	/** Returns the object that the text holds, or null where it holds anything else. */
	@SuppressWarnings("unchecked")
	static Map<String, Object> object(String text) {
		try {
			Json json = new Json(text);
			Object value = json.value(0);
			json.space();
			return value instanceof Map && json.at == text.length() ? (Map<String, Object>) value : null;
		} catch (IllegalArgumentException | IndexOutOfBoundsException e) {
			return null;
		}
	}

	/** Writes maps, lists, texts, numbers and truth values; fields that are null or an empty text are left out. */
	static String write(Object value) {
		StringBuilder out = new StringBuilder();
		write(out, value);
		return out.toString();
	}

	private static void write(StringBuilder out, Object value) {
		if (value instanceof Map) {
			String comma = "{";
			for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
				if (entry.getValue() == null || "".equals(entry.getValue())) {
					continue;
				}
				out.append(comma);
				quote(out, entry.getKey().toString());
				out.append(':');
				write(out, entry.getValue());
				comma = ",";
			}
			out.append(comma.equals("{") ? "{}" : "}");
		} else if (value instanceof List) {
			String comma = "[";
			for (Object item : (List<?>) value) {
				out.append(comma);
				write(out, item);
				comma = ",";
			}
			out.append(comma.equals("[") ? "[]" : "]");
		} else if (value instanceof String) {
			quote(out, (String) value);
		} else if (value instanceof Raw) {
			out.append(((Raw) value).text);
		} else {
			out.append(value);
		}
	}

	private static void quote(StringBuilder out, String s) {
		out.append('"');
		for (int i = 0; i < s.length(); i++) {
			char c = s.charAt(i);
			if (c == '"' || c == '\\') {
				out.append('\\').append(c);
			} else if (c < 0x20) {
				out.append(String.format("\\u%04x", (int) c));
			} else {
				out.append(c);
			}
		}
		out.append('"');
	}

	private void space() {
		while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
			at++;
		}
	}

	private IllegalArgumentException wrong() {
		return new IllegalArgumentException("not JSON at " + at);
	}

	private Object value(int depth) {
		if (depth > DEEPEST) {
			throw wrong();
		}
		space();
		switch (text.charAt(at)) {
		case '{':
			return members(depth);
		case '[':
			return items(depth);
		case '"':
			return string();
		case 't':
			return word("true", Boolean.TRUE);
		case 'f':
			return word("false", Boolean.FALSE);
		case 'n':
			return word("null", null);
		default:
			return number();
		}
	}

	private Map<String, Object> members(int depth) {
		Map<String, Object> map = new LinkedHashMap<>();
		at++;
		space();
		if (text.charAt(at) == '}') {
			at++;
			return map;
		}
		while (true) {
			space();
			String name = string();
			space();
			if (text.charAt(at++) != ':') {
				throw wrong();
			}
			map.put(name, value(depth + 1));
			space();
			char c = text.charAt(at++);
			if (c == '}') {
				return map;
			}
			if (c != ',') {
				throw wrong();
			}
		}
	}

	private List<Object> items(int depth) {
		List<Object> list = new ArrayList<>();
		at++;
		space();
		if (text.charAt(at) == ']') {
			at++;
			return list;
		}
		while (true) {
			list.add(value(depth + 1));
			space();
			char c = text.charAt(at++);
			if (c == ']') {
				return list;
			}
			if (c != ',') {
				throw wrong();
			}
		}
	}

	private String string() {
		if (text.charAt(at++) != '"') {
			throw wrong();
		}
		StringBuilder out = new StringBuilder();
		while (true) {
			char c = text.charAt(at++);
			if (c == '"') {
				return out.toString();
			}
			if (c < 0x20) {
				throw wrong();
			}
			out.append(c == '\\' ? escaped() : c);
		}
	}

	private char escaped() {
		char c = text.charAt(at++);
		switch (c) {
		case '"':
		case '\\':
		case '/':
			return c;
		case 'b':
			return '\b';
		case 'f':
			return '\f';
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		case 'u':
			at += 4;
			return (char) Integer.parseInt(text.substring(at - 4, at), 16);
		default:
			throw wrong();
		}
	}

	private Object word(String word, Object value) {
		if (!text.startsWith(word, at)) {
			throw wrong();
		}
		at += word.length();
		return value;
	}

	private Double number() {
		int start = at;
		while (at < text.length() && "+-.0123456789eE".indexOf(text.charAt(at)) >= 0) {
			at++;
		}
		return Double.valueOf(text.substring(start, at)); // its NumberFormatException is an IllegalArgumentException
	}
}

package store_test

import "testing"

func TestATraceStaysWithItsMessage(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		traced, other := h.request("traced"), h.request("another")
		traced.Message.Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
		h.accept(traced)
		h.accept(other)

		head := h.load(h.webhook.Lane).Head

		if len(head) != 2 || head[0].Parcel.Trace != traced.Message.Trace || head[1].Parcel.Trace != "" {
			t.Errorf("traces %q and %q, want %q and none", head[0].Parcel.Trace, head[1].Parcel.Trace, traced.Message.Trace)
		}
	})
}

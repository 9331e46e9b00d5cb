package contract

import (
	"testing"
	"time"
)

// The hot path: every message is made, encoded once and decoded once or more.

func BenchmarkNewRequest(b *testing.B) {
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		_ = NewRequest(now)
	}
}

func BenchmarkNewString(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = NewString()
	}
}

func BenchmarkEncodeResponse(b *testing.B) {
	response := NewResponse(NewID(), NewString(), time.Now())
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Responses.Encode(response); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeResponse(b *testing.B) {
	header, body, err := Responses.Encode(NewResponse(NewID(), NewString(), time.Now()))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Responses.Decode(header, body); err != nil {
			b.Fatal(err)
		}
	}
}

// A queue full of garbage must not cost much more than one of messages.
func BenchmarkDecodeBroken(b *testing.B) {
	header, body, err := Responses.Encode(NewResponse(NewID(), NewString(), time.Now()))
	if err != nil {
		b.Fatal(err)
	}
	body = body[:len(body)-1]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Responses.Decode(header, body); err == nil {
			b.Fatal("decoded")
		}
	}
}

func BenchmarkID(b *testing.B) {
	response := NewResponse(NewID(), NewString(), time.Now())
	b.ReportAllocs()
	for b.Loop() {
		_ = Responses.ID(response)
	}
}

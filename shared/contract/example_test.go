package contract_test

import (
	"errors"
	"fmt"
	"time"

	"decoupled.example/shared/contract"
)

// What a requestor publishes and a generator makes of it.
func Example() {
	header, body, err := contract.Requests.Encode(contract.NewRequest(time.Now()))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(header), "headers")

	request, err := contract.Requests.Decode(header, body)
	if err != nil {
		fmt.Println(err)
		return
	}
	response := contract.NewResponse(request.ID, contract.NewString(), time.Now())
	fmt.Println(contract.Responses.ID(response) == request.ID, len(response.String))
	// Output:
	// 0 headers
	// true 64
}

// A message that cannot be decoded still tells by which ID to file it.
func ExampleCodec_Decode() {
	header := map[string][]string{
		contract.HeaderContentType: {contract.ContentType},
		contract.HeaderSchema:      {"decoupled.receipt.v2"},
	}
	body := []byte(`{"id":"01980a5e-6f3c-7b21-9c44-5d1f0e8a7b36","received":{"at":1767323045}}`)

	receipt, err := contract.Receipts.Decode(header, body)
	fmt.Println(err)
	fmt.Println(errors.Is(err, contract.ErrInvalid))
	fmt.Println(receipt.ID)
	// Output:
	// cannot decode receipt: invalid message: unknown major version: Decoupled-Schema is "decoupled.receipt.v2", and only v1 is known here
	// true
	// 01980a5e-6f3c-7b21-9c44-5d1f0e8a7b36
}

package publish

// NewImpatient is New with another time that one attempt waits for the broker.
var NewImpatient = newPublisher

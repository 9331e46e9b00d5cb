package manifests_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"decoupled.example/console/credentials"
	"decoupled.example/shared/topology"
)

// scaledObject is what we use of KEDA's type of that name (keda.sh/v1alpha1). Its
// module would bring several hundred others.
type scaledObject struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata"`
	Spec            struct {
		ScaleTargetRef struct {
			Name string `json:"name"`
		} `json:"scaleTargetRef"`
		MinReplicaCount *int32 `json:"minReplicaCount"`
		MaxReplicaCount int32  `json:"maxReplicaCount"`
		PollingInterval int32  `json:"pollingInterval"` // seconds
		CooldownPeriod  int32  `json:"cooldownPeriod"`  // seconds
		Triggers        []struct {
			Type     string `json:"type"`
			Metadata struct {
				Endpoint      string `json:"natsServerMonitoringEndpoint"`
				Account       string `json:"account"`
				Stream        string `json:"stream"`
				Consumer      string `json:"consumer"`
				LagThreshold  string `json:"lagThreshold"`
				ActivationLag string `json:"activationLagThreshold"`
			} `json:"metadata"`
		} `json:"triggers"`
	} `json:"spec"`
}

// Each service wakes up for every queue that it consumes, and does not sleep
// before what a dead replica had in hand is back.
func TestServicesWakeUpForTheirQueues(t *testing.T) {
	t.Parallel()
	consumers, err := topology.Consumers(topology.Settings{})
	require.NoError(t, err)
	queues := make(map[string][]string) // by service
	var ackWait time.Duration
	for _, consumer := range consumers {
		queues[consumer.Durable] = append(queues[consumer.Durable], consumer.Stream)
		ackWait = consumer.AckWait
	}
	for _, dir := range scalable {
		c := build(t, dir)
		require.Len(t, c.scaled, len(queues))
		for service, of := range queues {
			spec := c.scaled[service].Spec
			require.Equal(t, "keda.sh/v1alpha1", c.scaled[service].APIVersion)
			require.Equal(t, service, spec.ScaleTargetRef.Name)
			require.Nil(t, c.deployments[service].Spec.Replicas, "KEDA says how many")
			require.Zero(t, *spec.MinReplicaCount)
			require.Greater(t, time.Duration(spec.CooldownPeriod)*time.Second, ackWait)
			require.Len(t, spec.Triggers, len(of))
			for i, queue := range of {
				trigger := spec.Triggers[i]
				require.Equal(t, "nats-jetstream", trigger.Type)
				require.Equal(t, queue, trigger.Metadata.Stream)
				require.Equal(t, topology.ConsumerOf(queue), trigger.Metadata.Consumer)
				require.Equal(t, "$G", trigger.Metadata.Account)
				require.Equal(t, "0", trigger.Metadata.ActivationLag)
				headless := c.services[c.statefulSets["nats"].Spec.ServiceName]
				require.Equal(t, fmt.Sprintf("%s.%s.svc.cluster.local:%d", headless.Name, credentials.Namespace, port(t, c.statefulSets["nats"].Spec.Template.Spec.Containers[0], "monitor")), trigger.Metadata.Endpoint)
			}
		}
	}
}

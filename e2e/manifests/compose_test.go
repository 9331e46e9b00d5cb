package manifests_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// Compose must wait longer than the shutdown timeout before it kills a program.
func TestCompose_StopsLaterThanTheShutdownTimeout(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../docker-compose.yml")
	require.NoError(t, err)
	var project struct {
		Services map[string]struct {
			StopPeriod  string `json:"stop_grace_period"`
			Environment map[string]any
		}
	}
	require.NoError(t, yaml.Unmarshal(content, &project))
	for _, name := range []string{"requestor", "generator"} {
		service := project.Services[name]
		period, err := time.ParseDuration(service.StopPeriod)
		require.NoError(t, err, name)
		grace, _ := service.Environment["GRACE"].(string)
		timeout, err := time.ParseDuration(grace)
		require.NoError(t, err, name)
		require.GreaterOrEqual(t, period, timeout+3*time.Second, name)
	}
}

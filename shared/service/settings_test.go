package service_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"decoupled.example/shared/service"
)

// execute runs a program that ends by itself.
func execute(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var o options
	var out, log bytes.Buffer
	program := service.Program{Name: "tester", About: "Is tested.", Options: &o, Run: idle}
	code = program.Execute(t.Context(), args, &out, &log)
	return code, out.String(), log.String()
}

func TestWrongUsageExitsWith2AndNamesTheFlag(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args  []string
		names string
	}{
		"unknown flag":                {[]string{"--rat=1"}, "--rat"},
		"unexpected argument":         {[]string{"rapidly"}, "rapidly"},
		"not a number":                {[]string{"--rate=fast"}, "--rate"},
		"not a duration":              {[]string{"--grace=10"}, "--grace"},
		"no grace":                    {[]string{"--grace=0s"}, "--grace"},
		"negative grace":              {[]string{"--grace=-1s"}, "--grace"},
		"unknown level":               {[]string{"--log-level=loud"}, "--log-level"},
		"unknown format":              {[]string{"--log-format=xml"}, "--log-format"},
		"listen without port":         {[]string{"--listen=localhost"}, "--listen"},
		"listen on no port":           {[]string{"--listen=:80800"}, "--listen"},
		"no URL":                      {[]string{"--nats-url="}, "--nats-url"},
		"only commas":                 {[]string{"--nats-url=,,"}, "--nats-url"},
		"URL without host":            {[]string{"--nats-url=nats://"}, "--nats-url"},
		"another scheme":              {[]string{"--nats-url=http://localhost:4222"}, "--nats-url"},
		"port out of range":           {[]string{"--nats-url=localhost:42222222"}, "--nats-url"},
		"one of several is wrong":     {[]string{"--nats-url=nats://a:1,nats://b:x"}, "--nats-url"},
		"URL with credentials":        {[]string{"--nats-url=nats://me:s3cret@localhost"}, "--nats-url"},
		"malformed with credentials":  {[]string{"--nats-url=nats://me:s3/cret@localhost:x"}, "--nats-url"},
		"password without user":       {[]string{"--nats-password=s3cret"}, "--nats-user"},
		"password and file":           {[]string{"--nats-user=me", "--nats-password=s3cret", "--nats-password-file=f"}, "--nats-password-file"},
		"wrong also for healthcheck":  {[]string{"healthcheck", "--grace=0s"}, "--grace"},
		"unknown flag of healthcheck": {[]string{"healthcheck", "--quick"}, "--quick"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := execute(t, test.args...)
			require.Equal(t, 2, code, stderr)
			require.Contains(t, stderr, test.names)
			require.Contains(t, stderr, "tester --help")
			require.NotContains(t, stderr+stdout, "s3cret")
			require.NotContains(t, stderr+stdout, "s3/cret")
		})
	}
}

// strict are options with a Validate of their own; that of Settings still counts.
type strict struct {
	service.Settings
	Rate float64 `default:"1" help:"Requests a second."`
}

func (s *strict) Validate() error {
	if s.Rate < 0 {
		return errors.New("--rate must not be negative")
	}
	return nil
}

func TestOptionsAreValidatedTogetherWithSettings(t *testing.T) {
	t.Parallel()
	for arg, flag := range map[string]string{
		"--rate=-1":            "--rate",
		"--grace=0s":           "--grace",
		"--nats-url=http://me": "--nats-url",
	} {
		var log bytes.Buffer
		program := service.Program{Name: "tester", Options: &strict{}, Run: idle}
		require.Equal(t, 2, program.Execute(t.Context(), []string{arg}, &log, &log), arg)
		require.Contains(t, log.String(), flag)
	}
}

func TestHelpShowsEveryFlagWithItsVariableAndDefault(t *testing.T) {
	t.Parallel()
	code, stdout, _ := execute(t, "--help")
	require.Zero(t, code)
	for _, part := range []reflect.Type{
		reflect.TypeFor[service.Settings](), reflect.TypeFor[service.Broker](),
		reflect.TypeFor[service.Logging](), reflect.TypeFor[options](),
	} {
		for i := range part.NumField() {
			if env, ok := part.Field(i).Tag.Lookup("env"); ok {
				require.Contains(t, stdout, "$"+env)
			}
		}
	}
	for _, want := range []string{"Is tested.", "--nats-url", "nats://127.0.0.1:4222", "--grace=10s", `--log-level="info"`, "healthcheck"} {
		require.Contains(t, stdout, want)
	}
}

func TestVersionIsPrinted(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := execute(t, "--version")
	require.Zero(t, code)
	require.Empty(t, stderr)
	require.Equal(t, "tester "+service.CurrentBuild().String()+"\n", stdout)
}

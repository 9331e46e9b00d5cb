package service_test

import (
	"bytes"
	"errors"
	"os"
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
		"another scheme":              {[]string{"--nats-url=http://localhost:4222"}, "nats:// or tls://"},
		"port out of range":           {[]string{"--nats-url=localhost:42222222"}, "--nats-url"},
		"port 0":                      {[]string{"--nats-url=localhost:0"}, "from 1 to 65535"},
		"no port behind the colon":    {[]string{"--nats-url=localhost:"}, "from 1 to 65535"},
		"one of several is wrong":     {[]string{"--nats-url=nats://a:1,nats://b:x"}, "number 2"},
		"IPv6 without brackets":       {[]string{"--nats-url=nats://::1"}, "brackets"},
		"IPv6 and port, no brackets":  {[]string{"--nats-url=fd00::1:4222"}, "brackets"},
		"a path":                      {[]string{"--nats-url=nats://localhost:4222/jetstream"}, "behind host and port"},
		"a query":                     {[]string{"--nats-url=nats://localhost?token=s3cret"}, "behind host and port"},
		"a fragment":                  {[]string{"--nats-url=localhost:4222#s3cret"}, "behind host and port"},
		"a space in the host":         {[]string{"--nats-url=nats://my host:4222"}, "--nats-url"},
		"an escape in the host":       {[]string{"--nats-url=nats://my%20host:4222"}, "--nats-url"},
		"no name at all":              {[]string{"--nats-url=nats://(s3cret):4222"}, "no valid host"},
		"missing CA":                  {[]string{"--nats-ca=/nowhere/ca.pem"}, "--nats-ca cannot be read: open /nowhere/ca.pem"},
		"CA without certificate":      {[]string{"--nats-ca=settings_test.go"}, "--nats-ca must be a PEM file"},
		"URL with credentials":        {[]string{"--nats-url=nats://me:s3cret@localhost"}, "--nats-url must not contain credentials"},
		"malformed with credentials":  {[]string{"--nats-url=nats://me:s3/cret@localhost:x"}, "--nats-url must not contain credentials"},
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

// Nothing of a password is printed, whatever is wrong with it or its surroundings:
// people put it into URLs, forget to quote it, or begin it with a dash.
func TestUsageErrorsShowNoPassword(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"in a URL":                      {"--nats-url=nats://svc:s3cret@broker.example:4222"},
		"with a comma":                  {"--nats-url=nats://svc:s3cret,t0ken@broker.example:4222"},
		"with a comma, of the last":     {"--nats-url=nats://a.example,nats://svc:s3cret,t0ken@b.example"},
		"with a comma and no scheme":    {"--nats-url=svc:s3cret,t0ken@b.example"},
		"with each of the marks":        {"--nats-url=nats://svc:s3cret/t0ken#t0ken?t0ken[t0ken]@b.example"},
		"with a space":                  {"--nats-url", "nats://svc:s3cret", "t0ken@b.example"},
		"without a host":                {"--nats-url=nats://svc:s3cret"},
		"with a dash, of a URL":         {"--nats-url", "-s3cret@b.example"},
		"with a dash":                   {"--nats-user=me", "--nats-password", "-s3cret"},
		"with two dashes":               {"--nats-user=me", "--nats-password", "--s3cret=t0ken"},
		"in two words":                  {"--nats-user=me", "--nats-password", "s3cret", "t0ken"},
		"in many words":                 {"--nats-user=me", "--nats-password=s3cret", "--rate", "-s3cret@t0ken"},
		"in the place of a command":     {"svc:s3cret@b.example"},
		"and something else":            {"--nats-password=s3cret", "--grace=0s"},
		"a secret that is no number":    {"--pin=s3cret"},
		"a secret of an unknown choice": {"--key=s3cret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o struct {
				service.Settings
				Rate float64
				Pin  int    `secret:""`
				Key  string `secret:"" enum:"a,b" default:"a"`
			}
			log := &lines{}
			program := service.Program{Name: "tester", Options: &o, Run: idle}
			require.Equal(t, 2, program.Execute(t.Context(), args, log, log), log.String())
			require.NotContains(t, log.String(), "s3cret")
			require.NotContains(t, log.String(), "t0ken")
		})
	}
}

// A short password is no reason to hide what else is wrong.
func TestUsageErrorsStayReadable(t *testing.T) {
	t.Parallel()
	_, _, stderr := execute(t, "--nats-user=me", "--nats-password=e", "--rate=fast")
	require.Contains(t, stderr, `--rate: expected a float but got "fast"`)
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

func TestWithoutRoomForHelpOrVersionTheProgramFails(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = full.Close() })
	for _, flag := range []string{"--help", "--version"} {
		var o options
		var log bytes.Buffer
		program := service.Program{Name: "tester", Options: &o, Run: idle}
		require.Equal(t, 1, program.Execute(t.Context(), []string{flag}, full, &log), flag)
		require.Equal(t, "tester: cannot write to standard output: write /dev/full: no space left on device\n", log.String())
	}
}

func TestVersionIsPrinted(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := execute(t, "--version")
	require.Zero(t, code)
	require.Empty(t, stderr)
	require.Equal(t, "tester "+service.CurrentBuild().String()+"\n", stdout)
	require.Contains(t, stdout, service.Release)
}

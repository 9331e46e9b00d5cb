package dashboard

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// onlyHosts refuses requests by a host name that the dashboard was not told. With
// DNS rebinding any site can let its own name point to the dashboard, and act here
// as its visitor. That takes a name: an IP address or localhost cannot be rebound.
func onlyHosts(told []string, next http.Handler) http.Handler {
	allowed := map[string]bool{"localhost": true}
	for _, name := range told {
		allowed[canonical(name)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := hostname(r.Host)
		if _, err := netip.ParseAddr(name); err != nil && !allowed[canonical(name)] {
			http.Error(w, fmt.Sprintf("this dashboard does not serve the host name %.100q: use localhost or an IP address, or start it with --allowed-host", name), http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostname is a host without its port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// canonical is a name as it is compared: DNS knows neither case nor the final dot.
func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

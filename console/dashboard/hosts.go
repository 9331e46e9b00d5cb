package dashboard

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// onlyHosts refuses requests for a host name that is not in the list. By DNS
// rebinding, any site can point its own name at the dashboard and act on it from its
// visitor's browser. That takes a name: IP addresses and localhost are safe.
func onlyHosts(names []string, next http.Handler) http.Handler {
	allowed := map[string]bool{"localhost": true}
	for _, name := range names {
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

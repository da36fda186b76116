// A service that knows go-oidc and nothing of us: a token a line in, "ok" or the reason out.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

func main() {
	jwksURI, issuer, audience, algorithm := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	behind, _ := strconv.Atoi(os.Args[5])
	clock := func() time.Time { return time.Now().Add(-time.Duration(behind) * time.Second) }
	ctx := context.Background()
	// It keeps the key set and asks anew for a kid that is not in it.
	keys := oidc.NewRemoteKeySet(ctx, jwksURI)
	verifier := oidc.NewVerifier(issuer, keys, &oidc.Config{
		ClientID: audience, SupportedSigningAlgs: []string{algorithm}, Now: clock})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64*1024)
	for lines.Scan() {
		token, err := verifier.Verify(ctx, lines.Text())
		if err != nil {
			fmt.Println("refused", err)
			continue
		}
		fmt.Println("ok", token.Subject)
	}
}

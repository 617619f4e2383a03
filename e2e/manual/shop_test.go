//go:build linux

package manual_test

// withShop are the pages that are about a shop in a cluster.
func withShop() []page {
	return []page{
		{file: firstEnvironment, has: nothing, before: map[string]func(*reader){
			installPlain: func(r *reader) { r.stop() }, // the demo of its first half
		}},
		{
			file: "docs/how-to/preview-per-pull-request.md", env: []string{"PR=17", "CURL_CA_BUNDLE=shop.crt", "GITHUB_STEP_SUMMARY=summary.md"}, has: shop,
			after: map[string]func(*reader, string){
				`curl -s -D - -o /dev/null --cookie "preview=pr-$PR" https://shop.example/ | grep -i x-dogfood-environment`: changedCart,
			},
			before: map[string]func(*reader){
				// The last step of the pipeline has deleted it.
				`kubectl delete namespace "pr-$PR"`: func(r *reader) { r.do(`kubectl create namespace "pr-$PR"`) },
			},
		},
	}
}

const (
	firstEnvironment = "docs/how-to/first-environment.md"
	installPlain     = "helm install kibble charts/kibble --namespace kibble-system --create-namespace --set image.repository=registry.example/kibble,image.tag=dev"
)

// shop makes that the cluster is as the page of the first environment leaves it,
// with HTTPS at the edge, and that there is a changed cart to be deployed.
func shop(r *reader) {
	if !r.done[firstEnvironment] {
		r.Fatalf("follow %s first", firstEnvironment)
	}
	r.do(`openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=shop.example -addext subjectAltName=DNS:shop.example -keyout shop.key -out shop.crt
kubectl create secret tls shop -n kibble-system --cert shop.crt --key shop.key
helm upgrade kibble charts/kibble --namespace kibble-system --reset-then-reuse-values --set edge.tlsPort=8443,edge.router.tls.secretName=shop
kubectl rollout status -n kibble-system deployment
mkdir deploy
sed -e 's/cart-v2/cart/; s/, namespace: shop//; s/new-cart/cart-of-17/' examples/shop/cart-v2.yaml > deploy/cart.yaml`)
}

// changedCart looks at what is behind the header: the changed cart for those who
// are in the preview, and the ordinary one for others.
func changedCart(r *reader, _ string) {
	for cookie, want := range map[string]string{"preview=pr-17": "web cart-of-17!!", "preview=pr-18": "web cart!!"} {
		r.says("curl --cookie "+cookie+" https://shop.example/", want)
	}
}

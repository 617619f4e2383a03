# One image with two static programs: the control plane, and the demo's
# application. Built for several architectures by `make image`.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The version comes from .git, as with every go build.
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w" -o /out/ ./cmd/kibble && \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w" -o /out/helloworld ./examples/hello-world/app

FROM scratch
LABEL org.opencontainers.image.title="kibble" \
      org.opencontainers.image.description="Delegation tables and dogfood environments for Envoy" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/kibble /out/helloworld /
USER 65532:65532
ENTRYPOINT ["/kibble"]

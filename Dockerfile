# syntax=docker/dockerfile:1

# One file, a target a program: docker build --target requestor -t decoupled/requestor .

ARG VERSION=v0.2.0
ARG COMMIT=unknown

FROM --platform=$BUILDPLATFORM golang:1.26.8-alpine AS build
WORKDIR /src
# Each module builds on its own: the workspace also names modules that are in no image.
ENV GOWORK=off CGO_ENABLED=0
COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION COMMIT
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    package=decoupled.example/shared/service; \
    build() { GOOS=$TARGETOS GOARCH=$TARGETARCH go build -C "$1" -trimpath -o /out/ \
      -ldflags="-s -w -X $package.version=$VERSION -X $package.commit=$COMMIT" "$2"; }; \
    build requestor ./cmd/requestor && build generator ./cmd/generator && build console .

# Nothing but the program: no shell, no files, no user that could be root.
FROM scratch AS program
USER 65532:65532
ARG VERSION COMMIT
LABEL org.opencontainers.image.version=$VERSION org.opencontainers.image.revision=$COMMIT org.opencontainers.image.licenses=Apache-2.0

FROM program AS service
ENV LISTEN=:8081
EXPOSE 8081

FROM service AS requestor
COPY --from=build /out/requestor /requestor
HEALTHCHECK --interval=3s --timeout=3s CMD ["/requestor", "healthcheck"]
ENTRYPOINT ["/requestor"]

FROM service AS generator
COPY --from=build /out/generator /generator
HEALTHCHECK --interval=3s --timeout=3s CMD ["/generator", "healthcheck"]
ENTRYPOINT ["/generator"]

FROM program AS console
COPY --from=build /out/console /console
ENTRYPOINT ["/console"]

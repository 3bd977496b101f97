# One file for all images. `docker compose build` builds them; by hand:
#
#     docker build --target gateway -t dalkom/gateway:dev .
#
# Binaries that are there already need not be compiled again: --build-context build=FOLDER, with the binaries in FOLDER. They
# should come from `cargo auditable build --release` on a Debian that is not newer than that of RUST_IMAGE.
# Behind a proxy with a certificate of its own: --secret id=ca,src=FILE.
#
# The debug information of all binaries, to keep beside a release: docker build --target debug-info -o FOLDER .

ARG RUST_IMAGE=rust:1.95-bookworm

FROM ${RUST_IMAGE} AS compile
# It puts the list of its crates into each binary, from which deploy/sbom reads it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export CARGO_HTTP_CAINFO=/run/secrets/ca; fi; \
    cargo install --quiet --locked cargo-auditable@0.7.7
WORKDIR /src
COPY . .
# The folders of cargo are caches, so that a change of one crate compiles that crate. The binaries leave the cache here.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,sharing=locked \
    --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export CARGO_HTTP_CAINFO=/run/secrets/ca; fi; \
    cargo auditable build --release --locked --bins -p config-server -p member-api -p store-api -p order-api -p gateway -p xtask \
    && mkdir /build \
    && for name in config-server member-api store-api order-api gateway xtask; do \
         cp "target/release/$name" /build/ || exit 1; \
       done

# Nothing but the binaries. --build-context build=FOLDER takes its place.
FROM scratch AS build
COPY --from=compile /build/ /

# Debug information and binaries apart; the loader with the libraries that the binaries are linked to; and the public authorities,
# which config-server needs for a git repository, and every HTTP client for its start: in one build they share config-server's TLS.
FROM ${RUST_IMAGE} AS split
WORKDIR /split
RUN --mount=type=bind,from=build,target=/build \
    mkdir -p debug root/etc/ssl/certs root/tmp && chmod 1777 root/tmp \
    && for name in config-server member-api store-api order-api gateway xtask; do \
         mkdir -p "image/$name/usr/bin" \
         && objcopy --only-keep-debug "/build/$name" "debug/$name.debug" \
         && objcopy --strip-all --add-gnu-debuglink="debug/$name.debug" "/build/$name" "image/$name/usr/bin/$name" || exit 1; \
       done \
    && ldd image/*/usr/bin/* > linked \
    && for library in $(sed -n 's|.*[[:space:]]\(/lib[^ ]*\) (.*|\1|p' linked); do \
         mkdir -p "root$(dirname "$library")" && cp -L "$library" "root$library" || exit 1; \
       done \
    && install -D -m 0644 /etc/ssl/certs/ca-certificates.crt root/etc/ssl/certs/ca-certificates.crt \
    && echo 'dalkom:x:65532:65532::/:/nonexistent' > root/etc/passwd \
    && echo 'dalkom:x:65532:' > root/etc/group \
    # The same files are the same layer, whenever they were made. So each binary comes with its folders.
    && find image root debug -exec touch -h -d @0 {} +

FROM scratch AS debug-info
COPY --from=split /split/debug/ /

# What all images have: no shell, no packages, no user but one without rights.
FROM scratch AS base
ARG REVISION=unknown
ARG VERSION=0.1.0
LABEL org.opencontainers.image.vendor="Dalkom" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=split /split/root/ /
USER 65532:65532
STOPSIGNAL SIGTERM

FROM base AS config-server
LABEL org.opencontainers.image.title="config-server" \
      org.opencontainers.image.description="Serves the settings of every process"
COPY --from=split /split/image/config-server/ /
ENV DALKOM_LISTEN=0.0.0.0:8888 DALKOM_MANAGEMENT=0.0.0.0:9888 DALKOM_LOG_FORMAT=json
EXPOSE 8888
HEALTHCHECK --interval=2s --timeout=4s --start-period=60s --retries=3 CMD ["/usr/bin/config-server", "healthcheck"]
ENTRYPOINT ["/usr/bin/config-server"]

FROM base AS member-api
LABEL org.opencontainers.image.title="member-api" \
      org.opencontainers.image.description="Members, sessions, wallets and the ledger"
COPY --from=split /split/image/member-api/ /
ENV DALKOM_LISTEN=0.0.0.0:8090 DALKOM_MANAGEMENT=0.0.0.0:9090 DALKOM_LOG_FORMAT=json
EXPOSE 8090
HEALTHCHECK --interval=2s --timeout=4s --start-period=60s --retries=3 CMD ["/usr/bin/member-api", "healthcheck"]
ENTRYPOINT ["/usr/bin/member-api"]

FROM base AS store-api
LABEL org.opencontainers.image.title="store-api" \
      org.opencontainers.image.description="Stores, items, search and stock"
COPY --from=split /split/image/store-api/ /
ENV DALKOM_LISTEN=0.0.0.0:8091 DALKOM_MANAGEMENT=0.0.0.0:9091 DALKOM_LOG_FORMAT=json
EXPOSE 8091
HEALTHCHECK --interval=2s --timeout=4s --start-period=60s --retries=3 CMD ["/usr/bin/store-api", "healthcheck"]
ENTRYPOINT ["/usr/bin/store-api"]

FROM base AS order-api
LABEL org.opencontainers.image.title="order-api" \
      org.opencontainers.image.description="Carts, checkout, orders, settlement and payouts"
COPY --from=split /split/image/order-api/ /
ENV DALKOM_LISTEN=0.0.0.0:8092 DALKOM_MANAGEMENT=0.0.0.0:9092 DALKOM_LOG_FORMAT=json
EXPOSE 8092
HEALTHCHECK --interval=2s --timeout=4s --start-period=60s --retries=3 CMD ["/usr/bin/order-api", "healthcheck"]
ENTRYPOINT ["/usr/bin/order-api"]

FROM base AS gateway
LABEL org.opencontainers.image.title="gateway" \
      org.opencontainers.image.description="The one public entrance: tokens, roles, routes"
COPY --from=split /split/image/gateway/ /
ENV DALKOM_LISTEN=0.0.0.0:8080 DALKOM_MANAGEMENT=0.0.0.0:9080 DALKOM_LOG_FORMAT=json
EXPOSE 8080
HEALTHCHECK --interval=2s --timeout=4s --start-period=60s --retries=3 CMD ["/usr/bin/gateway", "healthcheck"]
ENTRYPOINT ["/usr/bin/gateway"]

# What an operator runs once: the making of secrets, and the demo, which makes an administrator by member-api.
FROM base AS tools
LABEL org.opencontainers.image.title="tools" \
      org.opencontainers.image.description="Makes the secrets of docker-compose.yml, and plays the demo"
COPY --from=split /split/image/xtask/ /split/image/member-api/ /
ENTRYPOINT ["/usr/bin/xtask"]

# syntax=docker/dockerfile:1

FROM rust:1-slim-bookworm AS builder
WORKDIR /src
COPY . .
# Downloaded crates and compiled dependencies stay in cache mounts, so that a change here compiles only itself.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package umbel-cli \
    && mkdir -p /out/data /out/models \
    && cp target/release/umbel /out/umbel

FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="umbel" \
      org.opencontainers.image.description="Many answers from one pretrained text encoder" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=builder /out/umbel /usr/local/bin/umbel
# The image has no shell to make folders with; these two are for its user, `nonroot`, to write to.
COPY --from=builder --chown=65532:65532 /out/data /data
COPY --from=builder --chown=65532:65532 /out/models /models
# Where the server answers; flags overrule it. Metrics and administration are on 9090, which needs no key.
ENV HF_HOME=/models \
    UMBEL_SERVE_LISTEN=0.0.0.0:8080 \
    UMBEL_SERVE_ADMIN_LISTEN=0.0.0.0:9090
EXPOSE 8080 9090
USER 65532:65532
WORKDIR /data
ENTRYPOINT ["/usr/local/bin/umbel"]
# docker run -p 8080:8080 -v FOLDER:/models/model:ro umbel; any other command of umbel may stand in its place.
CMD ["serve", "/models/model"]

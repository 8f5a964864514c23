# Python and what it needs, and nothing else: no shell, no package manager. The same shape as
# gcr.io/distroless/python3-debian12:nonroot, for machines that cannot pull that image.
ARG BUILD_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS collect
# The same step as in the Dockerfiles that build on this one, so that its layer is shared with them.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates python3-venv && rm -rf /var/lib/apt/lists/*
COPY collect.sh /
RUN sh /collect.sh /rootfs
# Modules that load a library each: a missing one shows here and not in a pod.
RUN SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt chroot /rootfs /usr/bin/python3 -c "\
import bz2, ctypes, curses, lzma, readline, sqlite3, ssl, uuid, zlib, zoneinfo; \
zoneinfo.ZoneInfo('Europe/Berlin'); \
assert ssl.create_default_context().get_ca_certs()"

FROM scratch
COPY --from=collect /rootfs /
ENV PATH=/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
WORKDIR /home/nonroot
ENTRYPOINT ["/usr/bin/python3"]

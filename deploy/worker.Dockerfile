# The image of the example worker. Yours looks the same: one static binary that finds its server by AION_ADDRESS and AION_TOKEN.
FROM scratch
COPY image/ /
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["/worker"]

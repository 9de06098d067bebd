# The model server of the client's tests under Ollama's name and port; its context is web/e2e/support.
FROM node:24-trixie-slim
COPY model.ts /srv/
RUN printf '%s\n' '#!/bin/sh' \
    '[ "$1" = serve ] && exec node /srv/model.ts' \
    'exec node -e "fetch(\"http://127.0.0.1:11434/api/tags\")"' >/usr/local/bin/ollama \
    && chmod 755 /usr/local/bin/ollama
ENTRYPOINT ["ollama"]
CMD ["serve"]

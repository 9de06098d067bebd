# The stand-in of the tests under Ollama's name and port; its context is tests/.
ARG API_IMAGE
FROM ${API_IMAGE}
USER root
COPY fakes/__init__.py fakes/ollama.py /srv/tests/fakes/
COPY --chmod=755 deploy/standins/ollama.py /usr/local/bin/ollama
WORKDIR /srv
ENV PYTHONPATH=/srv
ENTRYPOINT ["ollama"]
CMD ["serve"]

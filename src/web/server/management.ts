/** The listener for operators: metrics and health on a separate port, which can stay private. */
import type { RequestListener } from 'node:http'
import { answerHealth, type Health } from './health.ts'

export interface ManagementNeeds {
  health: Health
  /** The registry of prom-client. */
  registry: { readonly contentType: string; metrics(): Promise<string> }
  log: { error(fields: object, sentence: string): void }
}

export function createManagement({ health, registry, log }: ManagementNeeds): RequestListener {
  return (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    if (answerHealth(request, response, path, health)) return
    if (path !== '/metrics') {
      response
        .writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' })
        .end('Not found. This port serves /metrics, /health/live and /health/ready.\n')
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD' }).end()
    } else {
      registry.metrics().then(
        (text) =>
          response.writeHead(200, { 'Content-Type': registry.contentType, 'Cache-Control': 'no-store' }).end(text),
        (error: unknown) => {
          log.error({ error }, 'metrics could not be collected; the request was answered with 500')
          response.writeHead(500).end()
        },
      )
    }
  }
}

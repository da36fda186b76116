import { describe, expect, test } from '@jest/globals'
import { createMetrics } from '../../src/events/metrics.ts'

const text = (metrics: ReturnType<typeof createMetrics>) => metrics.registry.metrics()

describe('/metrics shows', () => {
  test('requests by route and status, and how long they took', async () => {
    const metrics = createMetrics({ processMetrics: false })
    const token = metrics.route('token')
    token.answered(200, 0.004)
    token.answered(200, 0.2)
    token.answered(400, 0.001)
    metrics.route('token').answered(200, 0.001)
    expect(await text(metrics)).toContain('claviger_http_requests_total{route="token",status="200"} 3')
    expect(await text(metrics)).toContain('claviger_http_requests_total{route="token",status="400"} 1')
    expect(await text(metrics)).toContain('claviger_http_request_duration_seconds_count{route="token"} 4')
    expect(await text(metrics)).toContain('claviger_http_request_duration_seconds_bucket{le="0.005",route="token"} 3')
  })

  test('an answer with an invalid status without an error', async () => {
    const metrics = createMetrics({ processMetrics: false })
    for (const status of [0, -1, 7e9, Number.NaN]) metrics.route('x').answered(status, 0)
    expect(await text(metrics)).toContain('claviger_http_requests_total{route="x",status="599"} 4')
  })

  test('sign-ins, tokens and events from the start, so that a rate is never missing', async () => {
    const metrics = createMetrics({ processMetrics: false })
    expect(await text(metrics)).toContain('claviger_sign_ins_total{result="wrong-password"} 0')
    expect(await text(metrics)).toContain('claviger_tokens_total{grant="refresh_token",result="ok"} 0')
    expect(await text(metrics)).toContain('claviger_events_total{kind="refresh-token.reused"} 0')
  })

  test('the hash queue, the age of keys, the next rotation and the cleanup backlog, read when asked', async () => {
    const metrics = createMetrics({ processMetrics: false })
    let backlog = 7
    metrics.watch({
      hashQueue: () => ({ running: 2, waiting: 5 }),
      keys: () => [
        { alg: 'ES256', ageSeconds: 60, rotationDueSeconds: 3600 },
        { alg: 'RS256', ageSeconds: 61, rotationDueSeconds: undefined },
      ],
      cleanupBacklog: async () => backlog,
      auditDropped: () => 0,
    })
    expect(await text(metrics)).toContain('claviger_password_hash_queue{state="waiting"} 5')
    expect(await text(metrics)).toContain('claviger_signing_key_age_seconds{alg="RS256"} 61')
    expect(await text(metrics)).toContain('claviger_key_rotation_due_seconds{alg="ES256"} 3600')
    expect(await text(metrics)).not.toContain('claviger_key_rotation_due_seconds{alg="RS256"}')
    backlog = 8
    expect(await text(metrics)).toContain('claviger_cleanup_backlog_rows 8')
    expect(await text(metrics)).toContain('claviger_audit_dropped_entries 0')
  })

  test('the lag of event streams, by method and status', async () => {
    const metrics = createMetrics({ processMetrics: false })
    metrics.watch({ eventStreams: () => [{ method: 'push', status: 'paused', streams: 3, oldestSeconds: 42 }] })
    expect(await text(metrics)).toContain('claviger_event_streams{method="push",status="paused"} 3')
    expect(await text(metrics)).toContain('claviger_event_stream_lag_seconds{method="push",status="paused"} 42')
  })

  test('everything else while one reading fails', async () => {
    const metrics = createMetrics({ processMetrics: false })
    metrics.watch({ cleanupBacklog: () => Promise.reject(new Error('the database is away')), auditBuffered: () => 3 })
    expect(await text(metrics)).toContain('claviger_audit_buffered_entries 3')
    expect(await text(metrics)).not.toMatch(/^claviger_cleanup_backlog_rows/m)
  })

  test('memory and event loop of the process', async () => {
    const metrics = createMetrics()
    expect(await text(metrics)).toContain('process_resident_memory_bytes')
    expect(await text(metrics)).toContain('nodejs_eventloop_lag_p99_seconds')
    metrics.registry.clear()
  })
})

describe('/metrics shows of the revocation feed', () => {
  test('streams, frames and bytes sent by each way, and refusals by reason, from the start', async () => {
    const metrics = createMetrics({ processMetrics: false })
    expect(await text(metrics)).toContain('claviger_feed_refused_total{reason="gone"} 0')
    expect(await text(metrics)).toContain('claviger_feed_bytes_sent_total{way="snapshot"} 0')
    metrics.feed.streams(3)
    metrics.feed.sent('stream', 1, 700, 3)
    metrics.feed.sent('changes', 2, 1_500)
    metrics.feed.refused('insufficient_scope')
    metrics.feed.cutOff()
    const shown = await text(metrics)
    expect(shown).toContain('claviger_feed_streams 3')
    expect(shown).toContain('claviger_feed_frames_sent_total{way="stream"} 3')
    expect(shown).toContain('claviger_feed_bytes_sent_total{way="stream"} 2100')
    expect(shown).toContain('claviger_feed_frames_sent_total{way="changes"} 2')
    expect(shown).toContain('claviger_feed_refused_total{reason="insufficient_scope"} 1')
    expect(shown).toContain('claviger_feed_streams_cut_off_total 1')
  })

  test('the sequence number, unsent and unexpired entries, the snapshot, and the clock offset', async () => {
    const metrics = createMetrics({ processMetrics: false })
    const state = { seq: 41, alive: 7, ageSeconds: 0.05, unsent: 2, clockOffsetSeconds: -3.5 }
    let snapshot: { bytes: number; ageSeconds: number } | undefined
    metrics.watch({ revocations: () => ({ ...state, snapshot }) })
    const before = await text(metrics)
    expect(before).toContain('claviger_revocation_log_seq 41')
    expect(before).toContain('claviger_revocation_log_age_seconds 0.05')
    expect(before).toContain('claviger_revocations_alive 7')
    expect(before).toContain('claviger_feed_unsent_entries 2')
    expect(before).toContain('claviger_clock_offset_seconds -3.5')
    snapshot = { bytes: 900, ageSeconds: 12 }
    expect(await text(metrics)).toContain('claviger_feed_snapshot_bytes 900')
    expect(await text(metrics)).toContain('claviger_feed_snapshot_age_seconds 12')
  })
})

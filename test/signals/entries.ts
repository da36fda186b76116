/** Sample entries of the journal, and a sample stream. */
import type { EventStream, StreamEvent } from '../../src/signals/signals.ts'

export const entry = (seq: number, more: Partial<StreamEvent> = {}): StreamEvent => ({
  seq,
  streamId: undefined,
  kind: 'jti',
  cause: 'token.revoked',
  accountId: 'acc_ada',
  clientId: 'app',
  value: 'sid-1',
  detail: {},
  actor: undefined,
  txn: '7',
  at: new Date(1_700_000_000_000),
  isExcluded: false,
  ...more,
})

export const stream = (more: Partial<EventStream> = {}): EventStream => ({
  id: 'stream-1',
  clientId: 'siem',
  delivery: { method: 'poll' },
  eventsRequested: undefined,
  description: undefined,
  status: 'enabled',
  statusReason: undefined,
  cursor: 0,
  acked: [],
  failures: 0,
  failingSince: undefined,
  nextTryAt: undefined,
  lastError: undefined,
  lastErrorAt: undefined,
  createdAt: new Date(0),
  ...more,
})

/** Who performs an operation. The audit log names the actor as `actorName` does. */
export type Actor =
  /** The Unix user of a command on the host, who can read the password of the database. */
  { kind: 'host'; user: string } | { kind: 'account'; id: string } | { kind: 'client'; id: string }

/** `cli:<unix user>`, `account:acc_…` or `client:<client_id>`. */
export function actorName(actor: Actor): string {
  return actor.kind === 'host' ? `cli:${actor.user}` : `${actor.kind}:${actor.id}`
}

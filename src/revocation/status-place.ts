/** A token's index in a status list, and the claim that states it (draft-ietf-oauth-status-list-21 §6.2). */
export interface StatusPlace {
  /** Below 2^48. */
  list: number
  idx: number
}

export const statusListsOf = (issuer: string): string => `${issuer}/status-lists`

export const statusListUri = (issuer: string, list: number): string => `${statusListsOf(issuer)}/${list.toString(36)}`

/** The `status` claim. */
export const statusClaim = ({ list, idx }: StatusPlace, issuer: string) => ({
  status_list: { idx, uri: statusListUri(issuer, list) },
})

/** @returns undefined when the claim names no list of this issuer */
export function placeFrom(status: unknown, issuer: string): StatusPlace | undefined {
  const { idx, uri } = (status as { status_list?: Record<string, unknown> } | undefined)?.status_list ?? {}
  const prefix = `${statusListsOf(issuer)}/`
  if (typeof uri !== 'string' || !uri.startsWith(prefix) || !Number.isSafeInteger(idx)) return undefined
  const list = parseListName(uri.slice(prefix.length))
  return list === undefined ? undefined : { list, idx: idx as number }
}

/** Parses the last part of a list's URI. @returns undefined when it cannot be one */
export function parseListName(name: string): number | undefined {
  const list = /^[0-9a-z]{1,10}$/.test(name) ? Number.parseInt(name, 36) : Number.NaN
  return list < 2 ** 48 && list.toString(36) === name ? list : undefined
}

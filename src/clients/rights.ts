/** Rights of a service at Claviger's own interfaces, granted by an administrator. */
export const rights = ['shared-signals', 'global-token-revocation'] as const
export type Right = (typeof rights)[number]

export const hasRight = (
  { rights: given = [] }: { readonly rights?: readonly Right[] | undefined },
  right: Right,
): boolean => given.includes(right)

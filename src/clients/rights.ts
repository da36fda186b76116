/** What a service may ask of us ourselves, besides the APIs it calls; given by an administrator. */
export const rights = ['shared-signals', 'global-token-revocation'] as const
export type Right = (typeof rights)[number]

export const hasRight = (
  { rights: given = [] }: { readonly rights?: readonly Right[] | undefined },
  right: Right,
): boolean => given.includes(right)

/** What this API is about: a few orders. A real one would ask its database for those of `sub`. */
export interface Order {
  id: number
  item: string
  state: 'packed' | 'on its way' | 'delivered'
}

export const orders: readonly Order[] = [
  { id: 1041, item: 'A brass key, cut by hand', state: 'delivered' },
  { id: 1042, item: 'Ring for seven keys', state: 'on its way' },
  { id: 1043, item: 'Wall hook, oak', state: 'packed' },
]

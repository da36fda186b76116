/** What the doctor asks of the connections to the database. */

/** What became of a connection on its way to Postgres. */
export interface RouteView {
  isPooled: boolean
  keepsSession: boolean
  keepsStatements: boolean
  keepsTransactions: boolean
  /** Nothing ends slow statements on the server. */
  isUnlimited: boolean
  /** The same for two routes that lead to one database. */
  target: string
}

export interface DeskConnections {
  /** Of the pool, and of what leads past a pooler. @throws Failure `database_unavailable`, `database_refused` */
  routes(): Promise<{ pool: RouteView; direct: RouteView }>
  room(): Promise<{
    maxConnections: number
    reserved: number
    roleLimit: number | undefined
    databaseLimit: number | undefined
    serving: number
  }>
  /** What the role may do. `schema` is where tables would be made; null where none of the search path exists. */
  rights(): Promise<{
    role: string
    schema: string | null
    canCreate: boolean
  }>
}

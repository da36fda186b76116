/** Settings of the embedded Postgres, for a small machine, a Unix socket and short transactions. Every start passes them, so no file holds them. */

/** The superuser, and the database that holds all data. */
export const embeddedUser = 'claviger'
export const embeddedDatabase = 'claviger'

const shared = {
  listen_addresses: '',
  unix_socket_directories: '.',
  unix_socket_permissions: '0700',
  cluster_name: 'claviger',
  max_connections: '100',
  shared_buffers: '128MB',
  effective_cache_size: '512MB',
  work_mem: '4MB',
  maintenance_work_mem: '64MB',
  max_wal_size: '512MB',
  checkpoint_timeout: '15min',
  random_page_cost: '1.1',
  // Statements touch few rows, so compiling them or running them in parallel only adds cost.
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  max_worker_processes: '2',
  max_logical_replication_workers: '0',
  io_method: 'sync',
  autovacuum_max_workers: '2',
  autovacuum_naptime: '15s',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
  // Values are personal data, so an error line must never contain them.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_timezone: 'UTC',
  timezone: 'UTC',
}

const notDurable = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  autovacuum: 'off',
}

export const serverSettings = (durable: boolean): string[] =>
  Object.entries(durable ? shared : { ...shared, ...notDurable }).flatMap(([name, value]) => ['-c', `${name}=${value}`])

export const initdbSettings = (durable: boolean): string[] => [
  `--username=${embeddedUser}`,
  // Only the owner or root can enter the data folder. A password would be stored in the same folder and add nothing.
  '--auth-local=trust',
  '--auth-host=reject',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--no-instructions',
  ...(durable ? [] : ['--no-sync']),
]

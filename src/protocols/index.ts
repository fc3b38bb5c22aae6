import type { Adapter } from './adapter.ts'
import type { LspProtocol } from '../domain/lsp.ts'
import { lsps1 } from './lsps1.ts'

/** Every wire protocol that Sluice speaks. A new one is added here and in its own file, nowhere else. */
export const ADAPTERS: readonly Adapter[] = [lsps1]

export function adapterOf(protocol: LspProtocol): Adapter {
  const adapter = ADAPTERS.find((candidate) => candidate.protocol === protocol)
  if (!adapter) throw new Error(`no adapter speaks ${protocol}`)
  return adapter
}

import type { Adapter } from './adapter.ts'
import type { LspProtocol } from '../domain/lsp.ts'
import { channelRequest001 } from './channel-request-0.0.1.ts'
import { channelRequest002 } from './channel-request-0.0.2.ts'
import { kaleidoswap } from './kaleidoswap.ts'
import { lsps1 } from './lsps1.ts'
import { thunderstack } from './thunderstack.ts'

/** Every wire protocol that Sluice speaks. A new one is added here and in its own file, nowhere else. */
export const ADAPTERS: readonly Adapter[] = [lsps1, kaleidoswap, thunderstack, channelRequest001, channelRequest002]

export function adapterOf(protocol: LspProtocol): Adapter {
  const adapter = ADAPTERS.find((candidate) => candidate.protocol === protocol)
  if (!adapter) throw new Error(`no adapter speaks ${protocol}`)
  return adapter
}

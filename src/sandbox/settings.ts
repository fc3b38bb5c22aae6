import type { SandboxLsp } from './simulator.ts'
import type { LspSettings } from '../upstream/lsp.ts'

/** What a configuration file would say of a simulated LSP. They are near and patient, and so asked often. */
export function settingsOf(lsp: SandboxLsp): LspSettings {
  return {
    id: lsp.id,
    name: lsp.name,
    protocol: lsp.protocol,
    url: lsp.url,
    network: 'REGTEST',
    auth: null,
    timeoutMs: 8_000,
    nodeUris: lsp.nodeUris,
    website: null,
    courtesy: { maxUnpaidOrders: 20, firmQuotesPerHour: 600, maxStandingOrders: 200 },
    registerJit: false,
    requestsPerMinute: 6_000,
    estimatesPerMinute: 6_000,
    tariffFeeRateSatPerVbyte: lsp.tariffFeeRateSatPerVbyte,
  }
}

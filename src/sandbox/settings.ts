import type { SandboxLsp } from './simulator.ts'
import type { LspSettings } from '../upstream/lsp.ts'

/** The settings of a simulated LSP: the defaults of a configuration file, so that the sandbox has the budgets of production. */
export function settingsOf(lsp: SandboxLsp, requestsPerMinute: number): LspSettings {
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
    courtesy: { maxUnpaidOrders: 5, firmQuotesPerHour: 60, maxStandingOrders: 200 },
    registerJit: false,
    requestsPerMinute,
    estimatesPerMinute: 15,
    tariffFeeRateSatPerVbyte: lsp.tariffFeeRateSatPerVbyte,
  }
}

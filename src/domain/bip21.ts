import { AmountError, btcDecimalOfSat, satOfBtcDecimal, type Sat } from './money.ts'
import { cleanText } from './text.ts'

// BIP 21 payment URIs, with the parameters that BIP 321 adds for Lightning.

interface PaymentUri {
  /** Empty where there is no on-chain payment option, as BIP 321 has it. */
  address: string
  amountSat: Sat | null
}

/** Bech32 means the same in both cases, and some wallets read only lower case. */
const BECH32_ADDRESS = /^(bc|tb|bcrt)1/i

export function writePaymentUri({
  address,
  amountSat,
  invoice,
  offer,
}: PaymentUri & { invoice: string | null; offer: string | null }): string {
  const parameters = [
    amountSat === null ? null : `amount=${btcDecimalOfSat(amountSat)}`,
    invoice && `lightning=${encodeURIComponent(invoice.toLowerCase())}`,
    offer && `lno=${encodeURIComponent(offer.toLowerCase())}`,
  ]
  const path = encodeURIComponent(BECH32_ADDRESS.test(address) ? address.toLowerCase() : address)
  return `bitcoin:${path}?${parameters.filter((parameter) => parameter !== null).join('&')}`
}

/** What an LSP's own URI says. */
export interface ReadUri extends PaymentUri {
  /** `req-` parameters: a reader that does not know one must not use the URI. This gateway knows none. */
  unknownRequired: readonly string[]
}

/** At most so many of them, of so many characters, are shown. */
const MAX_SHOWN = 5
const MAX_SHOWN_CHARACTERS = 40

/** null when it is no BIP 21 URI, or its amount is not one number of satoshis. */
export function readPaymentUri(uri: string): ReadUri | null {
  try {
    const { protocol, pathname, searchParams } = new URL(uri)
    // BIP 321: the names of parameters are the same in upper case.
    const parameters = [...searchParams].map(([name, value]) => ({ name: name.toLowerCase(), value }))
    const amounts = parameters.filter(({ name }) => name === 'amount')
    if (protocol !== 'bitcoin:' || amounts.length > 1) return null
    return {
      address: pathname,
      amountSat: amounts[0] ? satOfBtcDecimal(amounts[0].value) : null,
      unknownRequired: parameters
        .filter(({ name }) => name.startsWith('req-'))
        .slice(0, MAX_SHOWN)
        .map(({ name }) => cleanText(name).slice(0, MAX_SHOWN_CHARACTERS)),
    }
  } catch (error) {
    if (error instanceof TypeError || error instanceof AmountError) return null
    throw error
  }
}

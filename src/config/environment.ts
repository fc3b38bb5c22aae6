import { ConfigError, quoted } from './problem.ts'

/** What the process is told from outside of the configuration file. */
export interface Environment {
  host: string
  /** 0 takes a free one. */
  port: number
  /** null: sandbox mode. */
  configPath: string | null
  /** A file's path, or postgres://… */
  databaseUrl: string
  /** Ids of LSPs that may have moved although orders are open there. */
  acceptMoved: readonly string[]
  /** Encrypts credentials in the database; null: they are stored as plain text. */
  secret: string | null
}

/** For the reference; an empty variable counts as unset. */
export const ENVIRONMENT_VARIABLES = [
  { name: 'HOST', default: '127.0.0.1', meaning: 'The address that the gateway listens on.' },
  { name: 'PORT', default: '4000', meaning: 'The port that it listens on, 0 to 65535; 0 takes a free one.' },
  {
    name: 'SLUICE_CONFIG',
    default: null,
    meaning:
      'Path of the configuration file; `npm start -- --config FILE` does the same, and goes before. With neither, the gateway starts in sandbox mode.',
  },
  {
    name: 'DATABASE_URL',
    default: './data/sluice.db',
    meaning:
      "Path of the embedded database's file, or `postgres://…` for several instances. In sandbox mode the default is `./data/sandbox.db`.",
  },
  {
    name: 'SLUICE_SECRET',
    default: null,
    meaning:
      'Encrypts the credentials of LSPs in the database, where they are kept for as long as orders may need them. At least 16 characters, the same for all instances. Without it they are stored as plain text, and the start warns.',
  },
] as const

type VariableName = (typeof ENVIRONMENT_VARIABLES)[number]['name']

/** Of a secret that nobody guesses, in hexadecimal. */
const LEAST_SECRET = 16

/**
 * @param argv the arguments after the script's name
 * @throws ConfigError that names every mistake
 */
export function readEnvironment(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Environment {
  const problems: string[] = []
  const variable = (name: VariableName) =>
    env[name] || (ENVIRONMENT_VARIABLES.find((known) => known.name === name)?.default ?? null)

  const host = variable('HOST') ?? ''
  if (!/^[^\s/[\]]+$/.test(host))
    problems.push(`HOST: ${quoted(host)} is not allowed; allowed: an address or a host name, such as 127.0.0.1 or ::1`)

  const port = variable('PORT') ?? ''
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    problems.push(`PORT: ${quoted(port)} is not allowed; allowed: a whole number from 0 to 65535`)

  const { config, acceptMoved } = readArguments(argv, problems)
  const configPath = config ?? variable('SLUICE_CONFIG')

  const secret = variable('SLUICE_SECRET')
  if (secret !== null && secret.length < LEAST_SECRET)
    problems.push(
      `SLUICE_SECRET: too short; allowed: at least ${LEAST_SECRET} characters, such as openssl rand -hex 32 gives`,
    )

  // Not shown: it may hold a password. What was played in the sandbox is not to stand among real orders.
  const databaseUrl =
    env['DATABASE_URL'] || (configPath === null ? './data/sandbox.db' : (variable('DATABASE_URL') ?? ''))
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(databaseUrl)?.[1]
  if (scheme !== undefined && !/^postgres(ql)?$/i.test(scheme)) {
    problems.push(
      `DATABASE_URL: ${quoted(`${scheme}://`)} is not allowed; allowed: the path of a file, or postgres://…`,
    )
  }

  if (problems.length > 0) throw new ConfigError(problems.join('\n'))
  return { host, port: Number(port), configPath, databaseUrl, acceptMoved, secret }
}

interface Arguments {
  config: string | null
  acceptMoved: string[]
}

const ALLOWED_ARGUMENTS = 'allowed: --config FILE, --accept-moved ID'

function readArguments(argv: readonly string[], problems: string[]): Arguments {
  const read: Arguments = { config: null, acceptMoved: [] }
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? ''
    const [, name, inline] = /^(--config|--accept-moved)(?:=(.*))?$/s.exec(argument) ?? []
    if (name === undefined) {
      problems.push(`${quoted(argument)} is not an argument; ${ALLOWED_ARGUMENTS}`)
      continue
    }
    const next = argv[index + 1]
    const separate = inline === undefined && next !== undefined && !next.startsWith('--')
    if (separate) index += 1
    const value = separate ? next : inline
    if (name === '--accept-moved') {
      if (value) read.acceptMoved.push(value)
      else problems.push('--accept-moved: the id of an LSP is missing; allowed: --accept-moved ID')
    } else if (!value) problems.push('--config: the path of a file is missing; allowed: --config FILE')
    else if (read.config !== null) problems.push('--config: given twice; allowed: one file')
    else read.config = value
  }
  return read
}

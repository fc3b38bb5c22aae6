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
] as const

type VariableName = (typeof ENVIRONMENT_VARIABLES)[number]['name']

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

  const argument = readArguments(argv, problems)
  const configPath = argument ?? variable('SLUICE_CONFIG')

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
  return { host, port: Number(port), configPath, databaseUrl }
}

function readArguments(argv: readonly string[], problems: string[]): string | null {
  let config: string | null = null
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? ''
    const [, name, inline] = /^(--config)(?:=(.*))?$/s.exec(argument) ?? []
    if (name === undefined) {
      problems.push(`${quoted(argument)} is not an argument; allowed: --config FILE`)
      continue
    }
    const next = argv[index + 1]
    const separate = inline === undefined && next !== undefined && !next.startsWith('--')
    if (separate) index += 1
    const path = separate ? next : inline
    if (!path) problems.push('--config: the path of a file is missing; allowed: --config FILE')
    else if (config !== null) problems.push('--config: given twice; allowed: one file')
    else config = path
  }
  return config
}

// TLS end to end as others speak it: OpenSSL serves with a certificate of its own, and OpenSSL asks, by name.

import type { Host, Running } from './host.ts'
import { patient } from './patience.ts'

const [KEY, CERTIFICATE] = ['/tmp/lab-tls.key', '/tmp/lab-tls.pem']
const PATIENCE_MS = 10_000

/** Serves until it is killed; gives its certificate. */
export async function serveTls(
  host: Host,
  port: number,
  name: string,
): Promise<{ readonly certificate: string; readonly running: Running }> {
  const made = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const said = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-keyout', KEY, '-out', CERTIFICATE]
  await host.exec(['openssl', 'req', ...made, ...said])
  const certificate = await host.exec(['cat', CERTIFICATE])
  const running = host.spawn(
    ['openssl', 's_server', '-accept', String(port), '-cert', CERTIFICATE, '-key', KEY, '-www'],
    'tls',
  )
  await running.said(/ACCEPT/)
  return { certificate, running }
}

/** `fine` where whoever answers has that very certificate, for that name; else why not. */
export async function askTls(host: Host, at: string, name: string, certificate: string): Promise<string> {
  const file = `/tmp/lab-tls-${host.name}.pem`
  await host.exec(['sh', '-c', `cat > ${file}`], { input: certificate })
  const words = ['-connect', at, '-servername', name, '-CAfile', file, '-verify_hostname', name, '-verify_return_error']
  const limit = String(patient(PATIENCE_MS) / 1_000)
  const { code, stderr, stdout } = await host.attempt(['timeout', limit, 'openssl', 's_client', ...words], {
    input: '',
  })
  if (code === 0 && stdout.includes('Verify return code: 0 (ok)')) return 'fine'
  return (
    /alert number \d+|errno=\d+|Connection refused|verify error[^\n]*/.exec(`${stderr}${stdout}`)?.[0] ?? `code ${code}`
  )
}

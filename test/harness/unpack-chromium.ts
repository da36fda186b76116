/**
 * Unpacks the Chromium that npm brought into the folder named by TMPDIR and prints where it lies. A program of its own,
 * since the package reads its environment when it is imported: with AWS_EXECUTION_ENV set it also unpacks the libraries
 * that a bare machine lacks (nss, nspr, expat).
 */
import chromium from '@sparticuz/chromium'

process.stdout.write(await chromium.executablePath())

"""Real licenses, with the fields that are stated where they were published.

They are not part of this repository: $WMLB_FIXTURES names their folder. Where it is not set, there
are no such tests.
"""

import base64
import os
import unittest

import license_forge as forge
import support
from license_support import FIXTURES, LicenseCase, says

if os.path.isdir(FIXTURES):

    def fixture(*path):
        return support.read(os.path.join(FIXTURES, *path))

    class Fixtures(LicenseCase):
        def test_the_sample_in_the_documentation_of_playready(self):
            # KID 33e0008c-c444-4770-9899-a321e079dd36, in the order of its bytes in a WRMHEADER.
            key_id = base64.b64encode(bytes.fromhex("8c00e03344c470479899a321e079dd36"))
            license_id = base64.b64encode(bytes.fromhex("6bc96e7b8c8d1040922d5edeebc5a808"))
            expected = says("xmr", license_id, [key_id], end=1446224230)
            binary = fixture("xmr", "ms-docs-license-server-sample.bin")
            text = fixture("xmr", "ms-docs-license-server-sample.b64")
            self.assertEqual(len(binary), 378)
            self.assertEqual(key_id, b"jADgM0TEcEeYmaMh4HndNg==")
            in_xml = '<LICENSE version="3.0.0.0">%s</LICENSE>' % text.decode()
            self.assert_told([(content, expected) for content in (
                binary, text, text.strip(), in_xml.encode(), forge.response(in_xml).encode(),
                forge.MARKS["utf-16-le"] + forge.response(in_xml).encode("utf-16-le"),
            )])

        def test_the_sample_of_playready_rs(self):
            binary = fixture("xmr", "playready-rs-with-empty-playback-policy-container.bin")
            self.assertEqual(len(binary), 360)
            license_id = base64.b64encode(bytes.fromhex("ba66b05963f75bbd31999319d38ce1ff"))
            expected = says("xmr", license_id, [base64.b64encode(b"\1" * 16)], right=2)
            self.assert_told([(binary, expected), (base64.b64encode(binary), expected)])

        def test_licenses_of_readium(self):
            cases = []
            for name, license_id in (
                ("readium-kotlin-prod-license.lcpl", "52d2fca0-8113-4f4a-a284-2bdeb9710438"),
                ("readium-swift-daisy-2019.lcpl", "be34141b-cf17-482b-9e94-034025fe1903"),
            ):
                # Neither states when it begins or ends.
                license, expected = fixture("lcp", name), says("lcp", license_id)
                cases.append((license, expected))
                for path in (forge.EPUB, forge.OTHER_PACKAGE):
                    cases.append((forge.package(license, path), expected))
            self.assert_told(cases)

        def test_schemas_are_no_licenses(self):
            names = os.listdir(os.path.join(FIXTURES, "lcp", "schema"))
            self.assertEqual(len(names), 4)
            self.assert_told([(fixture("lcp", "schema", name), says("opaque")) for name in names])


if __name__ == "__main__":
    unittest.main()

import Glibc
import Platform
import TestSupport
import Testing

struct ConfigurationTextTests {
    @Test(arguments: [
        ("A=b", "b"), ("  A = b  ", "b"), ("A=", ""), ("A= two words ", "two words"), ("export A=b", "b"),
        ("A='single  #;\"x\" \\n'", "single  #;\"x\" \\n"), ("A='two\nlines'", "two\nlines"),
        ("A=\"say \\\"hi\\\" \\\\ \\` \\$HOME \\n\"", "say \"hi\" \\ ` $HOME \\n"),
        ("A=\"joined \\\nline\"", "joined line"),
        ("A='one' \"two\" three", "onetwothree"), ("A=plain 'quote'", "plain 'quote'"), ("A=it\\'s", "it's"),
        ("A=joined \\\nline", "joined line"), ("A=b\r\n", "b"), ("\u{FEFF}A=b", "b"),
        ("A=b # no comment", "b # no comment"),
        ("A=a=b", "a=b"), ("A=b\\", "b"), ("A=${B}", "${B}"), ("\n\n# c\n; c\nA=b", "b"),
    ])
    func `a value is read as systemd reads it`(text: String, value: String) {
        let parsed = ConfigurationText(Array(text.utf8))
        #expect(parsed.problems.isEmpty)
        #expect(parsed.entries.map(\.value) == [value])
        #expect(parsed.entries.map(\.name) == ["A"])
    }

    @Test func `every entry knows its line, whatever came before it`() {
        let text = "# one\nA='two\nthree'\r\nB=\"four \\\nfive\"\n\nC=seven \\\n eight\nD=nine"
        let parsed = ConfigurationText(Array(text.utf8))
        #expect(parsed.entries.map(\.name) == ["A", "B", "C", "D"])
        #expect(parsed.entries.map(\.line) == [2, 4, 7, 9])
    }

    @Test func `every problem is told with its line and the rest is still read`() {
        let text = "A=1\nnonsense\n2X=1\nB C=1\n=1\nD=4\nE='open\nF=1"
        let parsed = ConfigurationText(Array(text.utf8))
        #expect(parsed.entries.map(\.name) == ["A", "D"])
        #expect(
            parsed.problems.map { "\($0.line): \($0.text)" } == [
                "2: expected NAME=value, found \"nonsense\"", "3: expected a name before =, found \"2X\"",
                "4: expected a name before =, found \"B C\"", "5: expected a name before =, found \"\"",
                "7: E: the quote that begins here is never closed",
            ])
    }

    @Test(arguments: [
        ([UInt8]("A=1\nB=\u{0}".utf8), 2, "expected text in UTF-8"), ([65, 61, 0xFF], 1, "expected text in UTF-8"),
        ([UInt8](repeating: 65, count: ConfigurationText.limit + 1), 1, "longer than 262144 bytes"),
    ])
    func `what is no text is refused`(bytes: [UInt8], line: Int, text: String) {
        let parsed = ConfigurationText(bytes)
        #expect(parsed.entries.isEmpty)
        #expect(parsed.problems.map(\.line) == [line])
        #expect(parsed.problems.map(\.text) == [text])
    }

    @Test func `what looks like a comment after a value is marked`() {
        let marked = ConfigurationText(Array("A=1 # x\nB='y' # x\nC=a#b\nD='# x'".utf8)).entries.map(
            \.containsCommentMark)
        #expect(marked == [true, true, false, false])
    }

    @Test func `a line without a name is not shown whole, since it may be a secret`() {
        let problem = ConfigurationText(Array("0123456789abcdefSECRET".utf8)).problems.first
        #expect(problem?.text == "expected NAME=value, found \"0123456789ab\"…")
    }

    @Test func `every file of the corpus, cut anywhere and with any byte changed, is read without a trap`() throws {
        let corpus = try corpusFiles()
        #expect(corpus.count >= 10)
        let chance = ManualSurroundings(seed: 1)
        for content in corpus {
            for end in 0...min(content.count, 300) {
                _ = ConfigurationText(Array(content.prefix(end)))
                guard !content.isEmpty else { continue }
                var changed = content
                changed[Int(chance.random() % UInt64(content.count))] = UInt8(truncatingIfNeeded: chance.random())
                let parsed = ConfigurationText(changed)
                #expect(parsed.entries.allSatisfy { !$0.name.isEmpty && $0.line >= 1 })
            }
        }
    }

    @Test func `many bad lines cost no more than their length`() {
        let text = String(repeating: "x\n", count: ConfigurationText.limit / 2)
        #expect(ConfigurationText(Array(text.utf8)).problems.count == ConfigurationText.limit / 2)
    }

    private func corpusFiles() throws -> [[UInt8]] {
        let here = "\(#filePath)"
        let tests = folderName(of: folderName(of: folderName(of: here)))
        let folder = "\(tests)/Fuzz/Corpora/Configuration"
        guard let stream = unsafe opendir(folder) else { throw TestSupportError("no corpus in \(folder)") }
        defer { unsafe closedir(stream) }
        var files: [[UInt8]] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { files.append(try readSmallFile("\(folder)/\(name)", limit: 65_536)) }
        }
        return files
    }
}

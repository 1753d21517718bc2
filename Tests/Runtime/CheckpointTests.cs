using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Graph.Tests.Runtime;

public sealed class CheckpointTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("graph-checkpoint-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    string In(string name) => Path.Combine(folder, name);

    static LineModel Trained(int steps = 5)
    {
        var model = LineModel.Create(seed: 11);
        var (x, y) = SessionTests.Batch(32);
        for (var i = 0; i < steps; i++) model.TrainStep(x, y);
        return model;
    }

    static float[] Numbers(LineModel model) => [.. model.Parameters.SelectMany(t => t.Read<float>().ToArray())];

    // A safetensors file from its header's text and its data.
    string Make(string name, string header, byte[] data)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        File.WriteAllBytes(In(name), [.. length, .. text, .. data]);
        return In(name);
    }

    static string Entry(string name, string shape, int begin, int end, string type = "F32") => $"\"{name}\":{{\"dtype\":\"{type}\",\"shape\":[{shape}],\"data_offsets\":[{begin},{end}]}}";

    CheckpointException Error(string path)
    {
        using var model = LineModel.Create(seed: 1);
        var before = Numbers(model);
        var error = Assert.Throws<CheckpointException>(() => model.Load(path));
        Assert.Equal(before, Numbers(model)); // all or nothing
        Assert.Equal(path, error.File);
        return error;
    }

    [Fact]
    public void A_file_brings_back_every_number_and_the_state_of_training()
    {
        using var model = Trained();
        model.Save(In("a.safetensors"));
        using var other = LineModel.Create(seed: 2);
        var info = other.Load(In("a.safetensors"));
        Assert.True(info.IsTraining && info.SamePlan);
        Assert.Equal(5, info.Step);
        Assert.Equal(Numbers(model), Numbers(other));
        var (x, y) = SessionTests.Batch(32, 7);
        Assert.Equal(model.TrainStep(x, y).Loss, other.TrainStep(x, y).Loss);
        Assert.Equal(Numbers(model), Numbers(other));
    }

    [Fact]
    public void Weights_alone_are_written_and_read()
    {
        using var model = Trained();
        model.Save(In("weights"), weightsOnly: true);
        using var other = LineModel.Create(seed: 2);
        Assert.False(other.Load(In("weights")).IsTraining);
        Assert.Equal(0, other.Step);
        Assert.Equal(3, other.Parameters.Count);
        Assert.Equal(model.Parameters["weight"].Read<float>().ToArray(), other.Parameters["weight"].Read<float>().ToArray());

        model.Save(In("all"));
        using var third = LineModel.Create(seed: 2);
        Assert.False(third.Load(In("all"), new() { WeightsOnly = true }).IsTraining);
        Assert.Equal(Numbers(other), Numbers(third));
    }

    [Fact]
    public void A_file_written_by_another_library_is_read()
    {
        var data = new byte[24];
        for (var i = 0; i < 6; i++) BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(4 * i), i + 1);
        var path = Make("foreign", $"{{{Entry("bias", "1", 0, 4)},{Entry("mean", "1", 4, 8)},\"__metadata__\":{{\"format\":\"pt\"}},{Entry("weight", "4", 8, 24)}}}   ", data);
        using var model = LineModel.Create();
        model.Load(path);
        Assert.Equal([3, 4, 5, 6, 1, 2], Numbers(model));
    }

    [Fact]
    public void Missing_unexpected_and_wrong_tensors_are_all_listed()
    {
        var path = Make("wrong", $"{{{Entry("weight", "2,2", 0, 16)},{Entry("mean", "1", 16, 24, "I64")},{Entry("extra", "3", 24, 36)}}}", new byte[36]);
        var error = Error(path);
        Assert.Equal(
        [
            "another shape: weight is f32[2,2], expected f32[4]", "missing: bias f32[1]", "another type: mean is i64[1], expected f32[1]", "unexpected: extra f32[3]",
        ], error.Problems.ToArray());
        Assert.StartsWith($"{path} does not fit the model Line:\n  another shape: weight", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Training_states_that_lack_are_listed()
    {
        using (var model = Trained()) model.Save(In("a"));
        var bytes = File.ReadAllBytes(In("a"));
        var text = Encoding.UTF8.GetString(bytes).Replace("optimizer.m.weight", "optimizer.q.weight", StringComparison.Ordinal);
        bytes = Encoding.UTF8.GetBytes(text).Length == bytes.Length ? Encoding.UTF8.GetBytes(text) : Patch(bytes, "optimizer.m.weight", "optimizer.q.weight");
        File.WriteAllBytes(In("a"), Unchecked(bytes));
        Assert.Equal(["missing: optimizer.m.weight f32[4] (the file has optimizer.q.weight)", "unexpected: optimizer.q.weight f32[4] (did you mean optimizer.m.weight?)"], Error(In("a")).Problems.ToArray());
    }

    [Fact]
    public void A_learning_rate_that_is_not_finite_is_damage()
    {
        using (var model = Trained()) model.Save(In("a"));
        File.WriteAllBytes(In("a"), Unchecked(Patch(File.ReadAllBytes(In("a")), "\"learning_rate\":\"0.05\"", "\"learning_rate\":\"1E99\"")));
        Assert.Contains("has damaged metadata (The learning_rate is 1E99, expected a finite number.)", Error(In("a")).Message, StringComparison.Ordinal);
    }

    // Without the checks, which would notice any change first.
    static byte[] Unchecked(byte[] bytes) => Patch(bytes, "\"crc32c\"", "\"crc32x\"");

    static byte[] Patch(byte[] bytes, string from, string to)
    {
        var at = bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(from));
        Encoding.UTF8.GetBytes(to).CopyTo(bytes.AsSpan(at));
        return bytes;
    }

    [Theory]
    [InlineData("", "has 0 bytes")]
    [InlineData("short", "has 5 bytes")]
    [InlineData("this is a text file, not a checkpoint", "is no safetensors file: its header would have")]
    public void A_foreign_file_is_no_checkpoint(string text, string expected)
    {
        File.WriteAllText(In("foreign"), text);
        Assert.Contains(expected, Error(In("foreign")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_headers_are_told_apart()
    {
        string Message(string header, int data) => Error(Make("damaged", header, new byte[data])).Message;
        var (bias, mean) = (Entry("bias", "1", 0, 4), Entry("mean", "1", 4, 8));
        Assert.Contains("does not begin with '{'", Message("[1, 2, 3]", 0), StringComparison.Ordinal);
        Assert.Contains("header is damaged", Message("{\"weight\":", 0), StringComparison.Ordinal);
        Assert.Contains("weight overlaps another tensor at byte 4", Message($"{{{bias},{mean},{Entry("weight", "4", 4, 20)}}}", 20), StringComparison.Ordinal);
        Assert.Contains("4 bytes before weight belong to no tensor", Message($"{{{bias},{mean},{Entry("weight", "4", 12, 28)}}}", 28), StringComparison.Ordinal);
        Assert.Contains("is truncated: its tensors need 24 bytes, but 20 follow", Message($"{{{bias},{mean},{Entry("weight", "4", 8, 24)}}}", 20), StringComparison.Ordinal);
        Assert.Contains("3 bytes at its end belong to no tensor", Message($"{{{bias},{mean},{Entry("weight", "4", 8, 24)}}}", 27), StringComparison.Ordinal);
        Assert.Contains("weight of f32[4] in 8 bytes, expected 16", Message($"{{{bias},{mean},{Entry("weight", "4", 8, 16)}}}", 16), StringComparison.Ordinal);
        Assert.Contains("the type F8_E4M3", Message($"{{{bias},{mean},{Entry("weight", "4", 8, 12, "F8_E4M3")}}}", 12), StringComparison.Ordinal);
        Assert.Contains("two tensors named bias", Message($"{{{bias},{bias}}}", 4), StringComparison.Ordinal);
        Assert.Contains("header is damaged", Message($"{{{Entry("weight", "-4", 0, 16)}}}", 16), StringComparison.Ordinal);
        Assert.Contains("header is damaged", Message($"{{{Entry("weight", "9223372036854775807,4", 0, 16)}}}", 16), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"weight":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}} x""", "header is damaged")]
    [InlineData("""{"weight":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}{}""", "header is damaged")]
    [InlineData("""{"weight":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}},""", "header is damaged")]
    [InlineData("""{"weight":{"dtype":"I32","dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", "weight has two fields dtype")]
    [InlineData("""{"weight":{"dtype":"F32","shape":[5],"shape":[4],"data_offsets":[0,16]}}""", "weight has two fields shape")]
    [InlineData("""{"weight":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"data_offsets":[0,16]}}""", "weight has two fields data_offsets")]
    [InlineData("""{"__metadata__":{"step":"1","step":"2"},"weight":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", "two texts named step")]
    [InlineData("""{"__metadata__":{},"__metadata__":{},"weight":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", "two tensors named __metadata__")]
    [InlineData("""{"weight":{"dtype":"F32","shape":[4],"data_offsets":[0,16,32]}}""", "a list has more than 2 numbers")]
    public void A_header_says_everything_once_and_nothing_after_its_end(string header, string expected) =>
        Assert.Contains(expected, Error(Make("twice", header, new byte[16])).Message, StringComparison.Ordinal);

    [Fact]
    public void A_name_of_any_length_makes_a_short_message() =>
        Assert.InRange(Error(Make("long", $"{{\"{new string('n', 1 << 11)}\\n\":{{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,12]}}}}", new byte[16])).Message.Length, 1, 1000);

    [Fact]
    public void A_header_of_nonsense_is_refused_before_it_takes_much_memory()
    {
        var text = new StringBuilder("{\"__metadata__\":{");
        for (var i = 0; i < 400_000; i++) text.Append(CultureInfo.InvariantCulture, $"\"{i}\":\"\",");
        AssertCheap(Make("metadata", text.Append("\"a\":\"\"}}").ToString(), []), "more than 65536 texts of metadata");

        text = new StringBuilder("{\"weight\":{\"dtype\":\"F32\",\"shape\":[1");
        for (var i = 0; i < 2_000_000; i++) text.Append(",1");
        AssertCheap(Make("name", $"{{\"{new string('n', 4_000_000)}\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}}}", new byte[4]), "a name has 4000000 bytes, expected at most 4096");
        AssertCheap(Make("axes", text.Append("],\"data_offsets\":[0,4]}}").ToString(), new byte[4]), "a list has more than 64 numbers");

        void AssertCheap(string path, string expected)
        {
            using var model = LineModel.Create(seed: 1);
            var before = GC.GetAllocatedBytesForCurrentThread();
            var error = Assert.Throws<CheckpointException>(() => model.Load(path));
            Assert.Contains(expected, error.Message, StringComparison.Ordinal);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 6 * new FileInfo(path).Length + (1 << 20));
        }
    }

    [Fact]
    public void Every_flipped_bit_is_noticed()
    {
        using (var trained = Trained()) trained.Save(In("whole"));
        var bytes = File.ReadAllBytes(In("whole"));
        var data = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using var model = LineModel.Create(seed: 1);
        model.Load(In("whole"));
        var numbers = Numbers(model);
        for (var bit = 0; bit < 8 * bytes.Length; bit++)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(In("flipped"), damaged);
            try
            {
                model.Load(In("flipped"));
                // The name of the checks was hit, or a space became another one: nothing else may differ.
                Assert.True(bit / 8 < data);
                Assert.Equal(numbers, Numbers(model));
                Assert.Equal(5, model.Step);
            }
            catch (CheckpointException)
            {
            }
        }
        var last = (byte[])bytes.Clone();
        last[^1] ^= 1;
        File.WriteAllBytes(In("flipped"), last);
        Assert.Contains("is damaged: the bytes of", Error(In("flipped")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_another_tool_wrote_again_in_other_words_is_sound()
    {
        using (var trained = Trained()) trained.Save(In("whole"));
        var bytes = File.ReadAllBytes(In("whole"));
        var data = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using var header = JsonDocument.Parse(bytes.AsMemory(8, data - 8));
        var spaced = JsonSerializer.Serialize(new SortedDictionary<string, JsonElement>(header.RootElement.EnumerateObject().Reverse().ToDictionary(p => p.Name, p => p.Value), StringComparer.Ordinal),
            new JsonSerializerOptions { WriteIndented = true });
        using var model = LineModel.Create(seed: 1);
        model.Load(Make("again", spaced, bytes[data..]));
        Assert.Equal(5, model.Step);
    }

    [Fact]
    public void An_oversized_header_is_refused_before_it_is_read()
    {
        var bytes = new byte[64];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, 1L << 40);
        File.WriteAllBytes(In("huge"), bytes);
        Assert.Contains("its header would have 1099511627776 bytes", Error(In("huge")).Message, StringComparison.Ordinal);
        BinaryPrimitives.WriteInt64LittleEndian(bytes, 1000);
        File.WriteAllBytes(In("huge"), bytes);
        Assert.Contains("is truncated", Error(In("huge")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_truncation_is_noticed()
    {
        using (var model = Trained()) model.Save(In("whole"));
        var bytes = File.ReadAllBytes(In("whole"));
        for (var length = 0; length < bytes.Length; length++)
        {
            File.WriteAllBytes(In("cut"), bytes.AsSpan(0, length).ToArray());
            Error(In("cut"));
        }
    }

    [Fact]
    public void No_damage_to_a_header_gets_through_as_another_exception()
    {
        using (var trained = Trained()) trained.Save(In("whole"));
        var bytes = File.ReadAllBytes(In("whole"));
        var head = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        var random = new Random(1);
        using var model = LineModel.Create();
        for (var trial = 0; trial < 2000; trial++)
        {
            var damaged = (byte[])bytes.Clone();
            for (var n = random.Next(1, 4); n > 0; n--) damaged[random.Next(head)] = (byte)random.Next(256);
            File.WriteAllBytes(In("damaged"), damaged);
            try
            {
                model.Load(In("damaged")); // a changed metadata text may be fine
            }
            catch (CheckpointException)
            {
            }
        }
    }

    [Fact]
    public void Saving_replaces_the_file_or_leaves_it()
    {
        using var model = Trained();
        model.Save(In("a"));
        var before = File.ReadAllBytes(In("a"));
        model.Save(In("a"));
        Assert.Equal(before, File.ReadAllBytes(In("a")));
        Directory.CreateDirectory(In("folder"));
        Assert.ThrowsAny<SystemException>(() => model.Save(In("folder"))); // a folder is in the way
        Assert.Equal(["a"], Directory.GetFiles(folder).Select(Path.GetFileName)); // and nothing is left behind
        model.Save(Path.Combine(folder, "new", "b"));
        Assert.True(File.Exists(Path.Combine(folder, "new", "b")));
    }

    [Fact]
    public void A_missing_file_is_a_missing_file()
    {
        using var model = LineModel.Create();
        Assert.Throws<FileNotFoundException>(() => model.Load(In("nowhere")));
    }
}
